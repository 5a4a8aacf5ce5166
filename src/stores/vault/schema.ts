import { z } from 'zod';
import { connection, secret, url } from '../../model/fields.ts';

const mount = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/, 'expected a mount such as secret or team/kv');

/** node-vault escapes paths as HTML and Vault cleans `//` and `..`: only names that mean the same to all are let in. */
const path = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/,
    'expected a path such as footage/frameflow: letters, digits, "_", "-", ".", parts divided by single "/"',
  );

export const schema = z.strictObject({
  kind: z.literal('vault'),
  address: url,
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*\/?$/, 'expected a namespace such as team-a')
    .optional(),
  mount: mount.default('secret'),
  auth: z.discriminatedUnion('method', [
    z.strictObject({ method: z.literal('token'), token: secret }),
    z.strictObject({
      method: z.literal('approle'),
      roleId: secret,
      secretId: secret,
      mount: mount.default('approle'),
    }),
    z.strictObject({
      method: z.literal('kubernetes'),
      role: z.string().min(1),
      /** The service account's token; the default is where Kubernetes mounts it. */
      jwt: secret.prefault({
        file: '/var/run/secrets/kubernetes.io/serviceaccount/token',
        allowModes: '0644',
      }),
      mount: mount.default('kubernetes'),
    }),
  ]),
  ...connection,
});

export const target = z.strictObject({
  path,
  field: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'expected a field name such as api_key'),
});

export type VaultConfig = z.output<typeof schema>;
export type VaultTarget = z.output<typeof target>;
