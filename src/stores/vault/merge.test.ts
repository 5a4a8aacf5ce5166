import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { edgeErrorOf, endingEach, markOf } from '../parts.suite.ts';
import type { FakeRequest, FakeVault } from './fake.ts';
import { clock, startVaultWorld, TARGET, type VaultWorld, type VaultWorldOptions } from './testing.ts';

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const NAME = `secret/${TARGET.path}`;
const ending = endingEach();

/** A secret that already holds a version of ours and a field of somebody else's. */
async function start(options: VaultWorldOptions = {}): Promise<VaultWorld> {
  const world = await startVaultWorld(options);
  ending(world);
  world.vault.put(NAME, () => ({ user: 'svc' }));
  await world.store.publish(TARGET, Secret.from('old'), markOf(1), await world.store.readBack(TARGET));
  world.vault.requests.length = 0;
  return world;
}

const isWrite = ({ method, path }: FakeRequest) =>
  method === 'POST' && path === `/v1/secret/data/${TARGET.path}`;

const casOf = ({ requests }: FakeVault) =>
  requests.filter(isWrite).map(({ body }) => (body as { options: { cas: number } }).options.cas);

/** Somebody else gets in between our read and our write, `times` in a row. */
function interrupting(
  vault: FakeVault,
  times: number,
  act: (request: FakeRequest, time: number) => void,
): void {
  let time = 0;
  vault.fault = (request) => {
    if (isWrite(request) && time < times) act(request, ++time);
    return null;
  };
}

describe('A write to a Vault secret that has changed', () => {
  test('between our read and our write in another field keeps both, within the same call', async () => {
    const { store, vault } = await start();
    const found = await store.readBack(TARGET);
    interrupting(vault, 1, () => vault.put(NAME, (data) => ({ ...data, user: 'new' })));
    await store.publish(TARGET, KEY, markOf(2), found);
    expect(vault.kv.latest(NAME)).toMatchObject({ user: 'new', api_key: KEY.reveal() });
    expect((await store.readBack(TARGET))?.mark?.number).toBe(2);
    expect(casOf(vault)).toEqual([2, 3]);
  });

  test('keeps the fields of others, numbers to the digit', async () => {
    const { store, vault } = await start();
    const others = '"id":1122334455667788990,"ratio":1.10,"huge":1e400,"port":5432,"list":[-0,null]';
    vault.fault = ({ method, path }) =>
      method === 'GET' && path === `/v1/secret/data/${TARGET.path}`
        ? { status: 200, body: `{"data":{"data":{"api_key":"old",${others}},"metadata":{"version":2}}}` }
        : null;
    await store.publish(TARGET, KEY, markOf(2), await store.readBack(TARGET));
    expect(vault.requests.find(isWrite)?.text).toContain(`"data":{"api_key":"${KEY.reveal()}",${others},`);
  });

  test('since the caller read it, in another field, goes through at once', async () => {
    const { store, vault } = await start();
    const found = await store.readBack(TARGET);
    vault.put(NAME, ({ user: _gone, ...data }) => ({ ...data, port: 5432 }));
    await store.publish(TARGET, KEY, markOf(2), found);
    const { api_key_keywarden: _mark, ...written } = { api_key_keywarden: '', ...vault.kv.latest(NAME) };
    expect(written).toEqual({ port: 5432, api_key: KEY.reveal() });
    expect(casOf(vault)).toEqual([3]);
  });

  test.each([
    ['its value', (data: object) => ({ ...data, api_key: 'theirs' })],
    ['its mark alone', (data: object) => ({ ...data, api_key_keywarden: '' })],
    ['its value, which went', () => ({ user: 'svc' })],
  ] as const)(
    'between our read and our write in our field, %s, is a conflict and is left as it is',
    async (_what, change) => {
      const { store, vault } = await start();
      const found = await store.readBack(TARGET);
      interrupting(vault, 1, () => vault.put(NAME, change));
      const { failure } = await edgeErrorOf(store.publish(TARGET, KEY, markOf(2), found));
      expect(failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
      expect(failure.message).toContain('api_key of secret/footage/frameflow has changed since it was read');
      expect(vault.kv.latest(NAME)).not.toMatchObject({ api_key: KEY.reveal() });
      expect(casOf(vault)).toEqual([2]);
    },
  );

  test('by our own version, which an earlier write brought late, is done', async () => {
    const { store, vault } = await start();
    const found = await store.readBack(TARGET);
    interrupting(vault, 1, ({ body }) => vault.put(NAME, () => (body as { data: object }).data));
    const mark = markOf(2);
    await store.publish(TARGET, KEY, mark, found);
    expect(await store.readBack(TARGET)).toMatchObject({ mark, revision: '3' });
    expect(casOf(vault)).toEqual([2]);
  });

  test('each time that we write is given up after five times, as a conflict', async () => {
    const { store, vault } = await start();
    const found = await store.readBack(TARGET);
    interrupting(vault, 100, (_request, time) => vault.put(NAME, (data) => ({ ...data, time })));
    const { failure } = await edgeErrorOf(store.publish(TARGET, KEY, markOf(2), found));
    expect(failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
    expect(casOf(vault)).toEqual([2, 3, 4, 5, 6]);
  });

  test('is not tried again once the time of the call is up', async () => {
    let now = 0;
    const { store, vault } = await start({
      clock: { ...clock, monotonic: () => now },
      config: { timeout: '1h' },
    });
    const found = await store.readBack(TARGET);
    interrupting(vault, 100, () => {
      vault.put(NAME, (data) => ({ ...data, user: 'new' }));
      now += 3_600_000;
    });
    expect((await edgeErrorOf(store.publish(TARGET, KEY, markOf(2), found))).failure.code).toBe('timeout');
    expect(casOf(vault)).toEqual([2]);
  });

  test('by a deletion is a conflict, since somebody took our value away', async () => {
    const { store, vault } = await start();
    const found = await store.readBack(TARGET);
    vault.kv.softDelete(NAME);
    expect((await edgeErrorOf(store.publish(TARGET, KEY, markOf(2), found))).failure).toMatchObject({
      code: 'conflict',
      verdict: 'retryable',
    });
    expect(casOf(vault)).toEqual([]);
  });
});
