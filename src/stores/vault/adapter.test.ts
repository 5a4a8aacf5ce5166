import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { storeContract } from '../contract.suite.ts';
import { edgeErrorOf, endingEach, markOf } from '../parts.suite.ts';
import type { FakeFault } from '../testing/fake-service.ts';
import type { FakeVault } from './fake.ts';
import { startVaultWorld, TARGET, type VaultWorld, type VaultWorldOptions } from './testing.ts';

storeContract('Vault KV version 2', () => startVaultWorld());

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const NAME = `secret/${TARGET.path}`;
const ending = endingEach();

async function start(options: VaultWorldOptions = {}): Promise<VaultWorld> {
  const world = await startVaultWorld(options);
  ending(world);
  return world;
}

function answering(world: VaultWorld, pattern: RegExp, answer: FakeFault): void {
  world.vault.fault = ({ method, path }) => (pattern.test(`${method} ${path}`) ? answer : null);
}

function lastWrite(vault: FakeVault): { data: Record<string, unknown>; options: unknown } {
  return vault.requests.at(-1)?.body as ReturnType<typeof lastWrite>;
}

const errors = (status: number, ...texts: string[]): FakeFault => ({ status, body: { errors: texts } });

const DATA = /^(GET|POST) \/v1\/secret\/data\//;
const WRITE = /^POST \/v1\/secret\/data\//;

describe('A Vault secret', () => {
  test('keeps the fields of others, whatever they hold', async () => {
    const { store, vault } = await start();
    const others = { user: 'svc', port: 5432, nested: { a: [1, null, 'x'] }, empty: '', __proto: true };
    vault.put(NAME, () => others);
    await store.publish(TARGET, KEY, markOf(1), await store.readBack(TARGET));
    const { api_key_keywarden: _mark, ...written } = lastWrite(vault).data;
    expect(written).toEqual({ ...others, api_key: KEY.reveal() });
    expect(lastWrite(vault).options).toEqual({ cas: 1 });
  });

  test('is created with cas 0, so that two creators cannot both win', async () => {
    const { store, vault } = await start();
    await store.publish(TARGET, KEY, markOf(1), null);
    expect(lastWrite(vault).options).toEqual({ cas: 0 });
  });

  test('that was deleted softly reads as empty and is written over its deleted version', async () => {
    const { store, vault } = await start();
    await store.publish(TARGET, KEY, markOf(1), null);
    vault.kv.softDelete(NAME);
    const found = await store.readBack(TARGET);
    expect(found).toEqual({ value: null, mark: null, revision: '1' });
    await store.publish(TARGET, KEY, markOf(2), found);
    expect(lastWrite(vault).options).toEqual({ cas: 1 });
    expect((await store.readBack(TARGET))?.mark?.number).toBe(2);
  });

  test('is marked in a field that people can read', async () => {
    const { store, vault } = await start();
    await store.publish(TARGET, KEY, markOf(3, { versionId: 'a-version-id' }), null);
    expect(JSON.parse(String(lastWrite(vault).data.api_key_keywarden))).toEqual({
      installation: 'footage/production',
      credential: 'frameflow-prod',
      version: 3,
      version_id: 'a-version-id',
      key_id: 'key_3',
      created_at: '2026-10-01T09:00:03Z',
      digest: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  test.each(['{}', 'no json', '{"installation":1}'])('with the damaged mark %s is unmarked', async (note) => {
    const { store, vault } = await start();
    vault.put(NAME, () => ({ api_key: 'x', api_key_keywarden: note }));
    expect(await store.readBack(TARGET)).toMatchObject({ mark: null, revision: '1' });
  });

  test('whose field holds no string is left alone, and the message does not quote it', async () => {
    const { store, vault } = await start();
    vault.put(NAME, () => ({ api_key: { inner: 'their-secret' } }));
    const error = await edgeErrorOf(store.publish(TARGET, KEY, markOf(1), null));
    expect(error.failure).toMatchObject({ code: 'not_a_string', verdict: 'permanent' });
    expect(error.message).not.toContain('their-secret');
  });

  test('takes no value that is not text', async () => {
    const { store, vault } = await start();
    const error = await edgeErrorOf(
      store.publish(TARGET, Secret.from(Buffer.from([0xff, 0xfe])), markOf(1), null),
    );
    expect(error.failure).toMatchObject({ code: 'value_unfit', verdict: 'permanent' });
    expect(vault.requests).toEqual([]);
  });
});

describe('The Vault preflight', () => {
  test('refuses a KV version 1 mount, and so does a write that had no preflight', async () => {
    const { store, vault } = await start();
    vault.mounts.set('secret', '1');
    for (const act of [store.preflight(TARGET), store.publish(TARGET, KEY, markOf(1), null)]) {
      expect((await edgeErrorOf(act)).failure).toMatchObject({ code: 'not_kv2', verdict: 'permanent' });
    }
    expect(vault.observe()).toEqual([]);
  });

  test.each([
    ['another engine', 'transit', 'not_kv2'],
    ['no mount', null, 'denied'],
  ] as const)('refuses %s', async (_what, engine, code) => {
    const { store, vault } = await start();
    engine === null ? vault.mounts.clear() : vault.mounts.set('secret', engine);
    const error = await edgeErrorOf(store.preflight(TARGET));
    expect(error.failure).toMatchObject({ code, verdict: 'permanent' });
  });

  test('refuses a folder that passes for a mount', async () => {
    const { store } = await start({ config: { mount: 'secret/team' } });
    expect((await edgeErrorOf(store.preflight(TARGET))).failure.code).toBe('wrong_mount');
  });

  test('asks for update where a secret is there, and for create where none is', async () => {
    const { store, vault } = await start();
    vault.rights.delete('create');
    const refused = await edgeErrorOf(store.preflight(TARGET));
    expect(refused.failure).toMatchObject({ code: 'denied', verdict: 'permanent' });
    vault.put(NAME, () => ({ user: 'svc' }));
    await store.preflight(TARGET);
    vault.rights.delete('update');
    expect((await edgeErrorOf(store.preflight(TARGET))).failure.code).toBe('denied');
  });

  test('passes where Vault will not say what the login may do', async () => {
    const world = await start();
    answering(world, /capabilities-self/, errors(403, 'permission denied'));
    await world.store.preflight(TARGET);
    expect(world.vault.requests.at(-1)?.path).toBe('/v1/auth/token/lookup-self');
  });
});

describe('An answer of Vault', () => {
  const upgrade =
    'Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will resume service shortly.';
  const cas = 'check-and-set parameter did not match the current version';
  const tooLarge = '1 error occurred:\n\t* put failed due to value being too large; got 1229028 bytes';

  test.each([
    ['a cas mismatch', errors(400, cas), 'conflict', 'retryable'],
    ['a mount while it upgrades', errors(400, upgrade), 'mount_upgrading', 'retryable'],
    ['any other 400', errors(400, 'error converting input KEY'), 'refused', 'permanent'],
    ['a right that is missing', errors(403, 'permission denied'), 'denied', 'permanent'],
    ['a body over 32 MiB', errors(413, 'error parsing JSON'), 'too_large', 'permanent'],
    ['a value too large for the storage', errors(500, tooLarge), 'too_large', 'permanent'],
    [
      'no leader',
      errors(500, 'local node not active but active cluster node not found'),
      'unavailable',
      'unknown',
    ],
    ['a bad gateway between', { status: 502, body: '<html>' }, 'unavailable', 'unknown'],
    ['sealed', errors(503, 'Vault is sealed'), 'sealed', 'retryable'],
    ['KV version 1 after all', { status: 204 }, 'not_kv2', 'permanent'],
  ] as const)('to a write, %s, has its verdict', async (_what, answer, code, verdict) => {
    const world = await start();
    answering(world, WRITE, answer);
    const error = await edgeErrorOf(world.store.publish(TARGET, KEY, markOf(1), null));
    expect(error.failure).toMatchObject({ code, verdict });
    expect(error.message).not.toContain('KEY');
  });

  test.each([
    ['no leader', errors(500, 'internal error'), 'unavailable', 'retryable'],
    ['a page of a proxy', { status: 200, body: '<html>' }, 'bad_answer', 'retryable'],
    ['a mount while it upgrades', errors(400, upgrade), 'mount_upgrading', 'retryable'],
    ['sealed', errors(503, 'Vault is sealed'), 'sealed', 'retryable'],
    ['a mount that is gone', errors(404, "no handler for route 'secret/data/x'"), 'not_found', 'permanent'],
    ['KV version 1', { status: 200, body: { data: { api_key: 'x' } } }, 'not_kv2', 'permanent'],
    ['a node that lags behind', { status: 412, body: { errors: [] } }, 'behind', 'retryable'],
  ] as const)('to a read, %s, has its verdict', async (_what, answer, code, verdict) => {
    const world = await start();
    answering(world, DATA, answer);
    expect((await edgeErrorOf(world.store.readBack(TARGET))).failure).toMatchObject({ code, verdict });
  });

  test('429 says how long to wait', async () => {
    const world = await start();
    answering(world, DATA, {
      status: 429,
      headers: { 'Retry-After': '7' },
      body: { errors: ['quota exceeded'] },
    });
    expect((await edgeErrorOf(world.store.readBack(TARGET))).failure).toMatchObject({
      code: 'rate_limited',
      verdict: 'retryable',
      retryAfterMs: 7000,
    });
  });

  test('over 64 KiB is refused for good', async () => {
    const { store, vault } = await start();
    vault.put(NAME, () => ({ api_key: 'x', blob: 'y'.repeat(70_000) }));
    expect((await edgeErrorOf(store.readBack(TARGET))).failure).toMatchObject({
      code: 'too_large',
      verdict: 'permanent',
    });
  });
});
