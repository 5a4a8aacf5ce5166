import {
  type Clock,
  type Files,
  type Net,
  type PluginContext,
  Secret,
  SecretSource,
} from '../../model/index.ts';
import { testNet } from '../../net/testing/index.ts';
import type { StoreWorld } from '../contract.suite.ts';
import type { Store } from '../contract.ts';
import { memoryLog, testHash } from '../parts.suite.ts';
import { create } from './adapter.ts';
import { FakeVault } from './fake.ts';
import { schema, type VaultConfig, type VaultTarget } from './schema.ts';
import type { KeyValues } from './testing/key-values.ts';

/** The machine's own time. */
export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  steady: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

/** For stores that have no business with files. */
export const noFiles: Files = {
  read: () => Promise.reject(new TypeError('no files here')),
  replace: () => Promise.reject(new TypeError('no files here')),
  sweep: () => Promise.reject(new TypeError('no files here')),
  probe: () => Promise.reject(new TypeError('no files here')),
};

export type VaultWorld = StoreWorld<VaultTarget> & {
  readonly vault: FakeVault;
  readonly context: PluginContext<VaultConfig>;
  readonly store: Store<VaultTarget>;
};

export type VaultWorldOptions = {
  readonly vault?: FakeVault;
  /** Which server the fake stands for. Default: the one that was recorded. */
  readonly server?: KeyValues['server'];
  /** Default: AppRole with the fake's own role. */
  readonly auth?: object;
  /** What the references in `auth` lead to, by the variable's name. */
  readonly secrets?: Readonly<Record<string, () => string>>;
  readonly config?: object;
  readonly net?: Net;
  readonly clock?: Clock;
};

export const TARGET: VaultTarget = { path: 'footage/frameflow', field: 'api_key' };

/** An adapter before a fake Vault of its own, logged in by AppRole unless told otherwise. */
export async function startVaultWorld(options: VaultWorldOptions = {}): Promise<VaultWorld> {
  const vault = options.vault ?? (await new FakeVault().listen());
  vault.kv.server = options.server ?? vault.kv.server;
  const { roleId, secretId } = vault.appRole;
  const config = schema.parse({
    kind: 'vault',
    address: vault.url,
    auth: options.auth ?? { method: 'approle', roleId: { env: 'ROLE_ID' }, secretId: { env: 'SECRET_ID' } },
    allowPlaintextLoopback: true,
    ...options.config,
  });
  bind(config.auth, { ROLE_ID: () => roleId, SECRET_ID: () => secretId, ...options.secrets });
  const net = options.net ?? testNet(null, { allowPlaintextLoopback: true, timeoutMs: config.timeout });
  const memory = memoryLog();
  const { log } = memory;
  const time = options.clock ?? clock;
  const context = { name: 'vault', config, net, files: noFiles, log, clock: time, hash: testHash };
  const name = `secret/${TARGET.path}`;
  return {
    vault,
    context,
    store: create(context),
    target: TARGET,
    otherTarget: { ...TARGET, field: 'other_key' },
    planted: [roleId, secretId],
    async outage(on) {
      vault.sealed = on;
    },
    async forbid(on) {
      for (const right of ['create', 'update']) on ? vault.rights.delete(right) : vault.rights.add(right);
    },
    async meddle(value) {
      vault.put(name, (data) => ({ ...data, [TARGET.field]: value }));
    },
    observe: async () => vault.observe(),
    logged: () => memory.text(),
    async end() {
      await net.close();
      await vault.close();
    },
  };
}

function bind(auth: object, secrets: Readonly<Record<string, () => string>>): void {
  for (const source of Object.values(auth)) {
    if (!(source instanceof SecretSource)) continue;
    source.bind(async (origin) => {
      const value = secrets['env' in origin ? origin.env : origin.file];
      if (value === undefined) throw new TypeError(`the test gives no ${source.where}`);
      return Secret.from(value());
    });
  }
}
