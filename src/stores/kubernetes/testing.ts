import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Clock,
  type PluginContext,
  Secret,
  type SecretOrigin,
  SecretSource,
} from '../../model/index.ts';
import { makeCa, testNet } from '../../net/testing/index.ts';
import type { StoreWorld } from '../contract.suite.ts';
import type { Store } from '../contract.ts';
import { memoryLog, testHash } from '../parts.suite.ts';
import { clock, noFiles } from '../vault/testing.ts';
import { create } from './adapter.ts';
import { FakeKubernetes } from './fake.ts';
import { type KubernetesConfig, type KubernetesTarget, schema } from './schema.ts';

/** Nobody trusts it but who is given it as the cluster's. */
export const ca = await makeCa('Cluster CA');

export const TARGET: KubernetesTarget = { namespace: 'footage', secret: 'frameflow', key: 'api_key' };
export const NAME = `${TARGET.namespace}/${TARGET.secret}`;

export type KubernetesWorld = StoreWorld<KubernetesTarget> & {
  readonly cluster: FakeKubernetes;
  readonly store: Store<KubernetesTarget>;
  /** What the kubelet has put into the pod: environment and files, by name. */
  readonly pod: Map<string, string>;
  /** The folder of the kubeconfig. */
  readonly folder: string;
  /** Writes the kubeconfig, or a file beside it. */
  write(name: string, text: string): void;
};

export type KubernetesWorldOptions = {
  /** With `kubeconfig`, read from the folder in place of the pod's service account. */
  readonly kubeconfig?: (cluster: FakeKubernetes, token: string) => string;
  readonly config?: object;
  readonly clock?: Clock;
};

/** An adapter before a fake cluster of its own, logged in as a pod is unless told otherwise. */
export async function startKubernetesWorld(options: KubernetesWorldOptions = {}): Promise<KubernetesWorld> {
  const cluster = await new FakeKubernetes(await ca.issue()).listen();
  const folder = mkdtempSync(join(tmpdir(), 'keywarden-kubernetes-'));
  const token = cluster.issueToken();
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  if (options.kubeconfig !== undefined) write('config', options.kubeconfig(cluster, token));
  const config = schema.parse({
    kind: 'kubernetes',
    ...(options.kubeconfig === undefined ? {} : { kubeconfig: join(folder, 'config') }),
    ...options.config,
  });
  const pod = new Map([
    ['KUBERNETES_SERVICE_HOST', '127.0.0.1'],
    ['KUBERNETES_SERVICE_PORT', String(cluster.port)],
    ['/var/run/secrets/kubernetes.io/serviceaccount/token', token],
    ['/var/run/secrets/kubernetes.io/serviceaccount/ca.crt', ca.pem],
  ]);
  bind(config, pod);
  const net = testNet(null, { timeoutMs: config.timeout });
  const memory = memoryLog();
  const context: PluginContext<KubernetesConfig> = {
    name: 'cluster',
    config,
    net,
    files: noFiles,
    log: memory.log,
    clock: options.clock ?? clock,
    hash: testHash,
  };
  return {
    cluster,
    pod,
    folder,
    write,
    store: create(context),
    target: TARGET,
    otherTarget: { ...TARGET, key: 'other_key' },
    planted: [token],
    async outage(on) {
      cluster.fault = on ? () => ({ status: 503, body: '<html>service unavailable</html>' }) : null;
    },
    async forbid(on) {
      on ? cluster.rights.delete('patch') : cluster.rights.add('patch');
    },
    async meddle(value) {
      cluster.edit(NAME, { [TARGET.key]: value });
    },
    observe: async () => cluster.observe(),
    logged: () => memory.text(),
    async end() {
      await net.close();
      await cluster.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function bind({ kubeconfig, inCluster }: KubernetesConfig, pod: ReadonlyMap<string, string>): void {
  const reader = async (origin: SecretOrigin) => {
    const value = pod.get('env' in origin ? origin.env : origin.file);
    if (value !== undefined) return Secret.from(value);
    if ('env' in origin) throw new TypeError(`the test gives no ${origin.env}`);
    return Secret.from(await readFile(origin.file));
  };
  for (const source of [kubeconfig, ...Object.values(inCluster ?? {})]) {
    if (source instanceof SecretSource) source.bind(reader);
  }
}
