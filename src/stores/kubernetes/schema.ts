import { z } from 'zod';
import { connection } from '../../model/fields.ts';
import { SecretSource } from '../../model/index.ts';

const label = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'expected a Kubernetes name');

/** What a pod is given: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api */
const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const READABLE = 0o644;

/** Where to find the cluster from inside it; each is read again whenever it is used, since the kubelet replaces them. */
const inCluster = () => ({
  host: new SecretSource({ env: 'KUBERNETES_SERVICE_HOST' }),
  port: new SecretSource({ env: 'KUBERNETES_SERVICE_PORT' }),
  token: new SecretSource({ file: `${MOUNT}/token`, allowModes: READABLE }),
  ca: new SecretSource({ file: `${MOUNT}/ca.crt`, allowModes: READABLE }),
});

/** A kubeconfig holds secrets: it is read like one. Without it, the service account of the pod serves. */
export const schema = z
  .strictObject({
    kind: z.literal('kubernetes'),
    kubeconfig: z.string().min(1).optional(),
    ...connection,
  })
  .transform(({ kubeconfig: file, ...rest }) => ({
    ...rest,
    kubeconfig: file === undefined ? null : new SecretSource({ file }),
    inCluster: file === undefined ? inCluster() : null,
  }));

export const target = z.strictObject({
  namespace: label,
  secret: label,
  key: z.string().regex(/^[A-Za-z0-9._-]{1,253}$/, 'expected a key of a Secret'),
});

export type KubernetesConfig = z.output<typeof schema>;
export type KubernetesTarget = z.output<typeof target>;
