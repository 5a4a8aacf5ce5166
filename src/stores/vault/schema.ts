import { z } from 'zod';
import { connection, secret, url } from '../../model/fields.ts';

const mount = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/, 'expected a mount such as secret or team/kv');

/**
 * node-vault escapes paths as HTML, and Vault sends `//` and `..` elsewhere (301): only names that mean the same to all
 * are let in.
 */
const path = z
  .string()
  .regex(
    /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/,
    'expected a path such as footage/frameflow: letters, digits, "_", "-", "." but no "..", parts divided by single "/"',
  );

export const schema = z.strictObject({
  kind: z.literal('vault'),
  address: url,
  /**
   * The nodes of the cluster by their own addresses (Vault's `api_addr`). A standby that does not forward sends its
   * clients to the leader (307): that is followed, with the token, to these and to `address`, and to no other host.
   */
  nodes: z.array(url).default([]),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*\/?$/, 'expected a namespace such as team-a')
    .optional(),
  mount: mount.default('secret'),
  /**
   * Where it is written who published what. `sibling`: in a field beside the value, in the same request.
   * `custom_metadata`: with the secret's metadata, out of the way of those who read its fields; needs Vault 1.10 or
   * later, or OpenBao, and the right to `patch` the metadata.
   */
  marks: z.enum(['sibling', 'custom_metadata']).default('sibling'),
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
