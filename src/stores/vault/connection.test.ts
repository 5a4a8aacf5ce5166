import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../model/index.ts';
import { makeCa, testNet } from '../../net/testing/index.ts';
import { edgeErrorOf, expectNoSecret, markOf } from '../parts.suite.ts';
import { FakeVault } from './fake.ts';
import { clock, startVaultWorld, TARGET, type VaultWorld, type VaultWorldOptions } from './testing.ts';

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const open: Array<() => Promise<void>> = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of open.splice(0)) await close();
});

async function start(options: VaultWorldOptions = {}): Promise<VaultWorld> {
  const world = await startVaultWorld(options);
  open.push(async () => {
    await world.store.close();
    await world.end();
  });
  return world;
}

async function another(): Promise<FakeVault> {
  const vault = await new FakeVault().listen();
  open.push(() => vault.close());
  return vault;
}

const everyCall = (store: VaultWorld['store']) => [
  () => store.readBack(TARGET),
  () => store.publish(TARGET, KEY, markOf(2), null),
  () => store.preflight(TARGET),
  () => store.renewLogin(),
];

describe('The connection to Vault', () => {
  test('checks the certificate, whatever VAULT_SKIP_VERIFY says', async () => {
    vi.stubEnv('VAULT_SKIP_VERIFY', '1');
    const ca = await makeCa();
    const trusted = await start({ vault: await new FakeVault(await ca.issue()).listen(), net: testNet(ca) });
    expect(await trusted.store.readBack(TARGET)).toBe(null);
    const unknown = await start({
      vault: await new FakeVault(await ca.issue()).listen(),
      net: testNet(null),
    });
    expect((await edgeErrorOf(unknown.store.readBack(TARGET))).failure).toMatchObject({
      code: 'tls',
      verdict: 'retryable',
    });
    expect(unknown.vault.requests).toEqual([]);
  });

  test('holds one deadline for all of an operation against a server that never answers', async () => {
    const { store, vault } = await start({ config: { timeout: '300ms' } });
    vault.fault = ({ path }) => (path.endsWith('/login') ? null : 'hang');
    const started = performance.now();
    expect((await edgeErrorOf(store.readBack(TARGET))).failure).toMatchObject({
      code: 'timeout',
      verdict: 'retryable',
    });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('starts no further request of an operation whose time is up', async () => {
    let now = 0;
    const { store, vault } = await start({
      config: { timeout: '1h' },
      clock: { ...clock, monotonic: () => now },
    });
    vault.fault = () => {
      now += 3_600_000;
      return null;
    };
    expect((await edgeErrorOf(store.readBack(TARGET))).failure).toMatchObject({ code: 'timeout' });
    expect(vault.requests.map(({ path }) => path)).toEqual(['/v1/auth/approle/login']);
  });

  test('does not know whether a write without an answer took place, and a repeat settles it', async () => {
    const { store, vault } = await start({ config: { timeout: '400ms' } });
    const before = await store.readBack(TARGET);
    await store.preflight(TARGET);
    vault.fault = (request) => {
      if (request.method !== 'POST' || !request.path.includes('/data/')) return null;
      vault.fault = null;
      vault.put(`secret/${TARGET.path}`, () => (request.body as { data: object }).data);
      return 'hang';
    };
    const mark = markOf(1);
    const error = await edgeErrorOf(store.publish(TARGET, KEY, mark, before));
    expect(error.failure).toMatchObject({ code: 'timeout', verdict: 'unknown' });
    const kept = vault.observe();
    await store.publish(TARGET, KEY, mark, before);
    expect(vault.observe()).toEqual(kept);
  });

  test('takes nothing from the environment that the configuration does not say', async () => {
    const elsewhere = await another();
    const { port } = new URL(elsewhere.url);
    vi.stubEnv('VAULT_ADDR', elsewhere.url);
    vi.stubEnv('VAULT_TOKEN', 's.fromTheEnvironment');
    vi.stubEnv('VAULT_NAMESPACE', 'from-the-environment');
    vi.stubEnv('VAULT_PREFIX', '/from/the/environment');
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY']) {
      vi.stubEnv(name, `http://127.0.0.1:${port}`);
    }
    const { store, vault } = await start();
    await store.publish(TARGET, KEY, markOf(1), null);
    expect(elsewhere.requests).toEqual([]);
    expect(vault.requests[0]?.headers).not.toHaveProperty('x-vault-token');
    for (const { path, headers } of vault.requests) {
      expect(path).toMatch(/^\/v1\/(auth|sys|secret)\//);
      expect(headers).not.toHaveProperty('x-vault-namespace');
    }
  });

  test('names the namespace it is given in every request, the login included', async () => {
    const { store, vault } = await start({ config: { namespace: 'team-a' } });
    await store.publish(TARGET, KEY, markOf(1), null);
    expect(new Set(vault.requests.map(({ headers }) => headers['x-vault-namespace']))).toEqual(
      new Set(['team-a']),
    );
  });

  test('prints nothing of what it sends, even where DEBUG asks node-vault to', async () => {
    const lines: unknown[] = [];
    const debug = createRequire(createRequire(import.meta.url).resolve('node-vault'))('debug');
    debug.log = (...line: unknown[]) => lines.push(line);
    debug.enable('node-vault');
    open.push(async () => debug.disable());
    debug('node-vault')('heard');
    const { store } = await start();
    await store.publish(TARGET, KEY, markOf(1), null);
    expect(lines).toHaveLength(1);
  });

  test('that breaks while a token is in use leaves no trace of it in what is thrown', async () => {
    const { store, vault, planted, logged } = await start();
    await store.publish(TARGET, KEY, markOf(1), null);
    const token = vault.requests.at(-1)?.headers['x-vault-token'] ?? '';
    expect(token).toMatch(/^s\./);
    await vault.close();
    for (const act of everyCall(store)) {
      const error = await edgeErrorOf(act());
      expect(['retryable', 'unknown']).toContain(error.failure.verdict);
      expect(error.cause).toBe(undefined);
      const shown = [
        inspect(error, { depth: 9, showHidden: true }),
        JSON.stringify(error),
        error.stack,
        logged(),
      ];
      expectNoSecret(shown.join('\n'), [token, KEY.reveal(), ...planted]);
    }
  });
});
