import { afterEach, describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { edgeErrorOf, expectNoSecret, markOf } from '../parts.suite.ts';
import { FakeVault } from './fake.ts';
import { startVaultWorld, TARGET, type VaultWorld } from './testing.ts';

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const open: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function another(): Promise<FakeVault> {
  const vault = await new FakeVault().listen();
  open.push(() => vault.close());
  return vault;
}

/** A node that sends everything on, as a standby does that may not forward. */
async function standby(to: () => string): Promise<FakeVault> {
  const node = await another();
  node.fault = ({ path }) => ({ status: 307, headers: { Location: `${to()}${path}` } });
  return node;
}

/** An adapter whose `address` is `node`, and whose logins are good at `leader`. */
async function start(node: FakeVault, leader: FakeVault, nodes: readonly string[]): Promise<VaultWorld> {
  const { roleId, secretId } = leader.appRole;
  const secrets = { ROLE_ID: () => roleId, SECRET_ID: () => secretId };
  const world = await startVaultWorld({ vault: node, secrets, config: { nodes } });
  open.push(() => world.end());
  return world;
}

const everyCall = (store: VaultWorld['store']) => [
  () => store.readBack(TARGET),
  () => store.publish(TARGET, KEY, markOf(2), null),
  () => store.preflight(TARGET),
  () => store.renewLogin(),
];

const lines = ({ requests }: FakeVault) => requests.map(({ method, path }) => `${method} ${path}`);

describe('A standby that sends its clients to the leader', () => {
  test('is followed to a node of the configuration: login, reads and writes, each whole', async () => {
    const leader = await another();
    const node = await standby(() => leader.url);
    const { store } = await start(node, leader, ['https://vault-3.internal:8200', leader.url]);
    await store.preflight(TARGET);
    await store.publish(TARGET, KEY, markOf(1), null);
    expect((await store.readBack(TARGET))?.value?.equals(KEY)).toBe(true);
    expect(await store.renewLogin()).toBeGreaterThan(0);
    expect(lines(leader)).toEqual(lines(node));
    expect(leader.requests.map(({ body }) => body)).toEqual(node.requests.map(({ body }) => body));
  });

  test('is followed back to address', async () => {
    const address = await another();
    const node = await standby(() => address.url);
    address.fault = ({ path }) => {
      address.fault = null;
      return { status: 307, headers: { Location: `${node.url}${path}` } };
    };
    const { store } = await start(address, address, [node.url]);
    expect(await store.readBack(TARGET)).toBe(null);
  });

  test('is not followed to a host that the configuration does not name: it never gets the token', async () => {
    const leader = await another();
    const node = await another();
    const { store, planted } = await start(node, node, ['https://vault-3.internal:8200']);
    await store.readBack(TARGET);
    node.fault = ({ path }) => ({ status: 307, headers: { Location: `${leader.url}${path}` } });
    for (const act of everyCall(store)) {
      const { failure } = await edgeErrorOf(act());
      expect(failure).toMatchObject({ code: 'standby', verdict: 'retryable' });
      expect(failure.message).toContain(`sends its clients to ${leader.url}`);
      expectNoSecret(failure.message, planted);
    }
    expect(leader.requests).toEqual([]);
  });

  test.each([
    ['another port', 'http://127.0.0.1:1'],
    ['user and password that look like one', 'http://127.0.0.1:8200@127.0.0.1:1'],
    ['https for http', 'https://127.0.0.1:PORT'],
    ['no URL', 'elsewhere'],
  ])('is not followed to what only resembles a node: %s', async (_what, location) => {
    const node = await another();
    const { store } = await start(node, node, []);
    const { port } = new URL(node.url);
    node.fault = ({ path }) => ({
      status: 307,
      headers: { Location: location.replace('PORT', port) + path },
    });
    expect((await edgeErrorOf(store.readBack(TARGET))).failure.code).toBe('standby');
    expect(node.requests).toHaveLength(1);
  });

  test.each([301, 302, 308])('is followed at 307 alone, not at %i', async (status) => {
    const node = await another();
    const { store } = await start(node, node, []);
    node.fault = ({ path }) => ({ status, headers: { Location: `${node.url}${path}` } });
    expect((await edgeErrorOf(store.readBack(TARGET))).failure.code).toBe('standby');
    expect(node.requests).toHaveLength(1);
  });

  test('while there is no leader, each to the other, ends after two steps', async () => {
    const one: FakeVault = await standby(() => other.url);
    const other: FakeVault = await standby(() => one.url);
    const { store } = await start(one, one, [other.url]);
    expect((await edgeErrorOf(store.readBack(TARGET))).failure).toMatchObject({
      code: 'standby',
      verdict: 'retryable',
    });
    expect([one.requests.length, other.requests.length]).toEqual([2, 1]);
  });
});
