import { z } from 'zod';
import { connection } from '../../model/fields.ts';

const label = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'expected a Kubernetes name');

export const schema = z.strictObject({
  kind: z.literal('kubernetes'),
  kubeconfig: z.string().min(1).optional(),
  ...connection,
});

export const target = z.strictObject({
  namespace: label,
  secret: label,
  key: z.string().regex(/^[A-Za-z0-9._-]{1,253}$/, 'expected a key of a Secret'),
});
