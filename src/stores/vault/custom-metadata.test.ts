import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { storeContract } from '../contract.suite.ts';
import { edgeErrorOf, endingEach, markOf } from '../parts.suite.ts';
import type { FakeVault } from './fake.ts';
import { startVaultWorld, TARGET, type VaultWorld, type VaultWorldOptions } from './testing.ts';

const CUSTOM = { server: '1.10', config: { marks: 'custom_metadata' } } as const;

storeContract('Vault KV version 2 with its marks in custom_metadata', () => startVaultWorld(CUSTOM));

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const OLD = Secret.from('ff_live_0000000000000000');
const NAME = `secret/${TARGET.path}`;
const OTHER = { ...TARGET, field: 'other_key' };
const ending = endingEach();

async function start(options: VaultWorldOptions = CUSTOM): Promise<VaultWorld> {
  const world = await startVaultWorld(options);
  ending(world);
  return world;
}

/** Publishes as the loop does: upon what it has just read. */
async function publish(
  { store }: VaultWorld,
  value: Secret,
  mark = markOf(1),
  target = TARGET,
): Promise<void> {
  await store.publish(target, value, mark, await store.readBack(target));
}

const changes = ({ requests }: FakeVault) =>
  requests
    .filter(({ method, path }) => method !== 'GET' && /^\/v1\/secret\//.test(path))
    .map(({ method }) => method);

describe('A mark in custom_metadata', () => {
  test('leaves the fields of the secret to those who read it', async () => {
    const world = await start();
    world.vault.put(NAME, () => ({ user: 'svc' }));
    await publish(world, KEY, markOf(3, { versionId: 'a-version-id' }));
    expect(world.vault.kv.latest(NAME)).toEqual({ user: 'svc', api_key: KEY.reveal() });
    expect(JSON.parse(world.vault.kv.custom(NAME).api_key_keywarden ?? '')).toEqual({
      installation: 'footage/production',
      credential: 'frameflow-prod',
      version: 3,
      version_id: 'a-version-id',
      key_id: 'key_3',
      created_at: '2026-10-01T09:00:03Z',
      digest: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  test('leaves what people and other destinations have there', async () => {
    const world = await start();
    await publish(world, OLD, markOf(1), OTHER);
    world.vault.kv.patch(NAME, { custom_metadata: { owner: 'team' } });
    await Promise.all([publish(world, KEY, markOf(2)), publish(world, KEY, markOf(3), OTHER)]);
    expect(Object.keys(world.vault.kv.custom(NAME)).sort()).toEqual([
      'api_key_keywarden',
      'other_key_keywarden',
      'owner',
    ]);
    expect((await world.store.readBack(TARGET))?.mark?.number).toBe(2);
    expect((await world.store.readBack(OTHER))?.mark?.number).toBe(3);
  });

  test.each(['hang', { status: 503, body: { errors: ['Vault is sealed'] } }] as const)(
    'that a crash (%j) kept from coming after its value counts as none, and is put right without a new version',
    async (fault) => {
      const world = await start({ ...CUSTOM, config: { ...CUSTOM.config, timeout: '500ms' } });
      const { store, vault } = world;
      await publish(world, OLD, markOf(1));
      const before = await store.readBack(TARGET);
      vault.fault = ({ method }) => (method === 'PATCH' ? fault : null);
      const mark = markOf(2);
      await edgeErrorOf(publish(world, KEY, mark));
      vault.fault = null;
      const between = await store.readBack(TARGET);
      expect(between).toMatchObject({ mark: null, revision: '2' });
      expect(between?.value?.equals(KEY)).toBe(true);
      vault.requests.length = 0;
      // By one who knows nothing of the write before it.
      await store.publish(TARGET, KEY, mark, before);
      expect(changes(vault)).toEqual(['PATCH']);
      expect(await store.readBack(TARGET)).toMatchObject({ mark, revision: '2' });
      await store.publish(TARGET, KEY, mark, before);
      expect(changes(vault)).toEqual(['PATCH']);
    },
  );

  test('does not pass for the mark of what somebody wrote between the value and it', async () => {
    const world = await start();
    world.vault.fault = ({ method }) => {
      if (method === 'PATCH') world.vault.put(NAME, () => ({ api_key: 'theirs' }));
      return null;
    };
    await publish(world, KEY);
    expect(await world.store.readBack(TARGET)).toMatchObject({ mark: null, revision: '2' });
  });

  test('of a secret that was removed before it could come is a conflict', async () => {
    const world = await start();
    await publish(world, OLD, markOf(1));
    const found = await world.store.readBack(TARGET);
    world.vault.fault = ({ method }) => {
      if (method === 'PATCH') world.vault.kv.destroy(NAME);
      return null;
    };
    const error = await edgeErrorOf(world.store.publish(TARGET, KEY, markOf(2), found));
    expect(error.failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
    expect(world.vault.observe()).toEqual([]);
  });

  test('is found where the configuration wanted it before, and moves with the next version', async () => {
    const { vault, ...beside } = await start({ server: '1.10' });
    await publish({ vault, ...beside }, OLD, markOf(1));
    const apart = await start({ ...CUSTOM, vault });
    expect((await apart.store.readBack(TARGET))?.mark?.number).toBe(1);
    await publish(apart, KEY, markOf(2));
    expect(vault.kv.latest(NAME)).toEqual({ api_key: KEY.reveal() });
    const again = await start({ server: '1.10', vault });
    expect((await again.store.readBack(TARGET))?.mark?.number).toBe(2);
    await publish(again, OLD, markOf(3));
    expect((await again.store.readBack(TARGET))?.mark?.number).toBe(3);
  });

  test('too long for Vault is refused before anything is written', async () => {
    const { store, vault } = await start();
    const long = { ...TARGET, field: 'k'.repeat(120) };
    for (const act of [
      () => store.preflight(long),
      () => store.publish(long, KEY, markOf(1), null),
      () => store.publish(TARGET, KEY, markOf(1, { keyId: 'k'.repeat(400) }), null),
    ]) {
      expect((await edgeErrorOf(act())).failure).toMatchObject({ code: 'mark_unfit', verdict: 'permanent' });
    }
    expect(vault.requests).toEqual([]);
  });
});

describe('The right to patch the metadata', () => {
  test('is asked for by the preflight, with the path to grant it on', async () => {
    const { store, vault } = await start();
    vault.kv.metadataRights.clear();
    for (let round = 0; round < 2; round += 1) {
      const { failure } = await edgeErrorOf(store.preflight(TARGET));
      expect(failure).toMatchObject({ code: 'denied', verdict: 'permanent' });
      expect(failure.message).toContain('does not allow patch on secret/metadata/footage/frameflow');
      vault.put(NAME, () => ({ user: 'svc' }));
    }
  });

  test('that is missing at the write is named, too', async () => {
    const { store, vault } = await start();
    vault.kv.metadataRights.clear();
    const { failure } = await edgeErrorOf(store.publish(TARGET, KEY, markOf(1), null));
    expect(failure).toMatchObject({ code: 'denied', verdict: 'permanent' });
    expect(failure.message).toContain('grant patch on secret/metadata/footage/frameflow');
  });

  test('is not asked for where marks stand beside the value', async () => {
    const { store, vault } = await start({});
    vault.kv.metadataRights.clear();
    await store.preflight(TARGET);
    expect(vault.requests.at(-1)?.body).toEqual({ paths: ['secret/data/footage/frameflow'] });
  });
});

describe('A server that cannot add to custom_metadata', () => {
  const refused = { code: 'marks_unsupported', verdict: 'permanent' };

  test('because it has none (before 1.9) is refused as soon as it shows a secret', async () => {
    const { store, vault } = await start({ ...CUSTOM, server: '1.8' });
    vault.put(NAME, () => ({ user: 'svc' }));
    const kept = vault.observe();
    for (const act of [
      () => store.preflight(TARGET),
      () => store.readBack(TARGET),
      () => store.publish(TARGET, KEY, markOf(1), null),
    ]) {
      const { failure } = await edgeErrorOf(act());
      expect(failure).toMatchObject(refused);
      expect(failure.message).toContain('before 1.9 there is no custom_metadata');
    }
    expect(vault.observe()).toEqual(kept);
  });

  test.each(['1.8', '1.9'] as const)(
    '(%s) is refused by the preflight of a secret that is not there yet',
    async (server) => {
      const { store, vault } = await start({ ...CUSTOM, server });
      expect((await edgeErrorOf(store.preflight(TARGET))).failure).toMatchObject(refused);
      expect(vault.observe()).toEqual([]);
    },
  );
});
