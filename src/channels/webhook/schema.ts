import { z } from 'zod';
import { connection, exactUrl, secret } from '../../model/fields.ts';

export const schema = z.strictObject({
  kind: z.literal('webhook'),
  url: exactUrl,
  signingSecret: secret,
  ...connection,
});

export type WebhookConfig = z.output<typeof schema>;
