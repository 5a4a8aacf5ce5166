import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Change, type Destination, Secret } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { credential, destination, put, rotation, version } from './samples.suite.ts';

/** Credentials, their versions and values, destinations, the journal, monitors. */
export function credentialContract(state: () => State, reopen: () => Promise<State>): void {
  describe('a credential', () => {
    test('comes back as it was put, with all that belongs to it', async () => {
      const newer = version({
        id: 'version-2',
        number: 2,
        keyId: null,
        fingerprint: null,
        expiresAt: null,
        compromisedAt: null,
        acceptedAt: null,
        probedAt: null,
        state: 'pending',
      });
      const file = destination({
        id: 'file:/run/app/.env#KEY',
        versionId: null,
        publishedAt: null,
        checkedAt: null,
        hook: null,
        lastError: null,
        state: 'drifted',
      });
      const queued = rotation({ id: 'rotation-2', queued: true, requestKey: null, trigger: 'emergency' });
      await state().commit([
        put.credential(),
        put.version(),
        { type: 'version.put', version: newer },
        put.destination(),
        { type: 'destination.put', destination: file },
        put.rotation({ id: 'rotation-0', state: 'failed', requestKey: null }),
        put.rotation(),
        { type: 'rotation.put', rotation: queued },
        put.credential({ name: 'another' }),
        put.version({ id: 'x', credential: 'another' }),
      ]);
      expect(await state().credential('frameflow-prod')).toEqual({
        record: credential(),
        revision: 1,
        versions: [newer, version()],
        open: rotation(),
        queued,
        destinations: [file, destination()],
        mints: [],
      });
    });

    test('that has changed since it was read takes nothing of what was decided on it', async () => {
      await state().commit([put.credential(), put.version()]);
      const { revision } = (await state().credential('frameflow-prod')) ?? { revision: -1 };
      const expected = { type: 'credential.expect' as const, name: 'frameflow-prod', revision };
      await state().commit([expected, put.rotation()]);
      const late = put.version({ state: 'retired' });
      await expect(state().commit([expected, late])).rejects.toMatchObject({ code: 'stale' });
      const now = await state().credential('frameflow-prod');
      expect(now?.versions).toEqual([version()]);
      expect(now?.revision).toBe(revision + 1);
    });

    test('is not changed by a rotation that only waits for its turn, nor by another credential', async () => {
      await state().commit([put.credential(), put.version()]);
      const before = (await state().credential('frameflow-prod'))?.revision;
      await state().commit([put.rotation({ queued: true }), put.credential({ name: 'another' })]);
      expect((await state().credential('frameflow-prod'))?.revision).toBe(before);
    });

    test('with nothing but itself has empty parts, and one that is not there is null', async () => {
      const bare = {
        lastError: null,
        retryAt: null,
        pause: null,
        recoveryId: null,
        uncertain: [],
        state: 'rejected',
        attempts: 0,
      } as const;
      await state().commit([put.credential(bare)]);
      const empty = { revision: 1, versions: [], open: null, queued: null, destinations: [], mints: [] };
      expect(await state().credential('frameflow-prod')).toEqual({ record: credential(bare), ...empty });
      expect(await state().credential('')).toBeNull();
      expect(await state().credential('nobody')).toBeNull();
    });

    test('a destination that is not as it was read makes the whole commit stale', async () => {
      await state().commit([put.credential()]);
      const expecting = (asRead: Destination | null): Change => ({
        type: 'destination.expect',
        credential: 'frameflow-prod',
        id: destination().id,
        destination: asRead,
      });
      await state().commit([expecting(null), put.destination()]);
      const stored = (await state().credential('frameflow-prod'))?.destinations[0] ?? null;
      await state().commit([expecting(stored), put.destination({ attempts: 9 })]);
      for (const asRead of [stored, null]) {
        const late = [expecting(asRead), put.destination({ state: 'failed' })];
        await expect(state().commit(late)).rejects.toMatchObject({ code: 'stale' });
      }
      expect(await state().credential('frameflow-prod')).toMatchObject({ destinations: [{ attempts: 9 }] });
    });

    test('all are listed by name', async () => {
      expect(await state().credentials()).toEqual([]);
      await state().commit([
        put.credential({ name: 'b' }),
        put.credential({ name: 'a' }),
        put.version({ credential: 'b' }),
      ]);
      const listed = await state().credentials();
      expect(listed.map(({ record, versions }) => [record.name, versions.length])).toEqual([
        ['a', 0],
        ['b', 1],
      ]);
    });

    test('putting a record again replaces it', async () => {
      await state().commit([put.credential(), put.version(), put.destination()]);
      await state().commit([
        put.credential({ attempts: 0, lastError: null }),
        put.version({ state: 'retiring', expiresAt: null }),
        put.destination({ state: 'failed', versionId: null }),
      ]);
      expect(await state().credential('frameflow-prod')).toMatchObject({
        record: { attempts: 0, lastError: null },
        versions: [{ state: 'retiring', expiresAt: null }],
        destinations: [{ state: 'failed', versionId: null }],
      });
    });

    test('two versions under one number are a conflict, also within one commit', async () => {
      await state().commit([put.version()]);
      await expect(state().commit([put.version({ id: 'twin' })])).rejects.toMatchObject({ code: 'conflict' });
      const both = [put.version({ id: 'a', number: 7 }), put.version({ id: 'b', number: 7 })];
      await expect(state().commit(both)).rejects.toMatchObject({ code: 'conflict' });
      const moved = [put.version({ number: 2 }), put.version({ id: 'twin', number: 2 })];
      await expect(state().commit(moved)).rejects.toMatchObject({ code: 'conflict' });
    });

    test('a version that is published again takes the next number, and keeps its value', async () => {
      const value = Secret.from('first');
      await state().commit([put.credential(), { type: 'version.put', version: version(), value }]);
      await state().commit([put.version({ id: 'version-2', number: 2 })]);
      await state().commit([put.version({ number: 3 })]);
      expect(await numbers()).toEqual(['version-1 3', 'version-2 2']);
      expect((await state().versionValue('version-1')).equals(value)).toBe(true);
    });

    test.each([
      [{ a: 2, b: 1, c: 3 }],
      [{ b: 1, a: 2, c: 3 }],
      [{ a: 3, b: 1, c: 2 }],
      [{ c: 1, b: 3, a: 2 }],
      [{ c: 4, b: 3, a: 2, new: 1 }],
    ])('versions exchange their numbers in one commit: %j', async (wanted) => {
      const puts = (of: Record<string, number>) =>
        Object.entries(of).map(([id, number]) => put.version({ id, number }));
      await state().commit([put.credential(), ...puts({ a: 1, b: 2, c: 3 })]);
      await state().commit(puts(wanted));
      const sorted = Object.entries(wanted).toSorted(([, one], [, other]) => other - one);
      expect(await numbers()).toEqual(sorted.map(([id, number]) => `${id} ${number}`));
    });

    const numbers = async () =>
      (await state().credentials()).flatMap(({ versions }) =>
        versions.map(({ id, number }) => `${id} ${number}`),
      );
  });

  describe('a sealed value', () => {
    test('of a version comes back byte for byte, whatever it is', async () => {
      const values = [Secret.from('ff_live_“ü”\n'), Secret.from(''), Secret.from(randomBytes(8192))];
      await state().commit(
        values.map((value, index) => ({
          type: 'version.put',
          version: version({ id: `v${index}`, number: index }),
          value,
        })),
      );
      const again = await reopen();
      for (const [index, value] of values.entries()) {
        expect((await again.versionValue(`v${index}`)).equals(value)).toBe(true);
      }
    });

    test('stays where its version is put again without one, and is replaced by a new one', async () => {
      const value = Secret.from('first');
      await state().commit([{ type: 'version.put', version: version(), value }]);
      await state().commit([put.version({ state: 'retired' })]);
      expect((await state().versionValue('version-1')).reveal()).toBe('first');
      await state().commit([{ type: 'version.put', version: version(), value: Secret.from('second') }]);
      expect((await state().versionValue('version-1')).reveal()).toBe('second');
    });

    test('that was never stored is told', async () => {
      await state().commit([put.version()]);
      await expect(state().versionValue('version-1')).rejects.toMatchObject({ code: 'state_corrupt' });
    });

    test('the journal keeps the answer to a mint until it is deleted', async () => {
      expect(await state().journal('rotation-1')).toBeNull();
      const journal = (text: string) =>
        ({ type: 'journal.put', rotationId: 'rotation-1', answer: Secret.from(text), at: 1 }) as const;
      await state().commit([journal('{"key":"one"}')]);
      await state().commit([journal('{"key":"two"}')]);
      expect((await (await reopen()).journal('rotation-1'))?.reveal()).toBe('{"key":"two"}');
      await state().commit([{ type: 'journal.delete', rotationId: 'rotation-1' }]);
      expect(await state().journal('rotation-1')).toBeNull();
    });

    test('a later answer to a mint does not take the place of an earlier one', async () => {
      const journal = (text: string, rotationId = 'rotation-1') =>
        ({ type: 'journal.put', rotationId, answer: Secret.from(text), at: 1 }) as const;
      const kept = async () => (await state().journalled('rotation-1')).map((answer) => answer.reveal());
      expect(await kept()).toEqual([]);
      await state().commit([journal('a'), journal('b'), journal('x', 'rotation-10')]);
      await state().commit([journal('c')]);
      expect(await kept()).toEqual(['c', 'b', 'a']);
      await state().commit([journal('a')]);
      expect(await kept()).toEqual(['a', 'c', 'b']);
      expect((await (await reopen()).journal('rotation-1'))?.reveal()).toBe('a');
      const many = Array.from({ length: 30 }, (_, index) => `answer ${index}`);
      await state().commit(many.map((text) => journal(text)));
      expect(await kept()).toEqual(many.toReversed().slice(0, 20));
      await state().commit([{ type: 'journal.delete', rotationId: 'rotation-1' }]);
      expect(await kept()).toEqual([]);
      expect((await state().journal('rotation-10'))?.reveal()).toBe('x');
    });

    test('the fingerprint key is random, of 32 bytes, and the same after opening again', async () => {
      const key = await state().fingerprintKey();
      expect(key.length).toBe(32);
      expect(new Set(key.bytes()).size).toBeGreaterThan(8);
      expect((await (await reopen()).fingerprintKey()).equals(key)).toBe(true);
    });
  });

  test('the latest use of a key is remembered, whatever the order in which uses come', async () => {
    const use = (keyId: string, at: number) => ({ type: 'use.put' as const, keyId, at });
    await state().commit([use('key_1', 20), use('key_2', 5)]);
    await state().commit([use('key_1', 10), use('key_2', 6)]);
    const uses = await state().keyUses(['key_1', 'key_2', 'key_3']);
    expect([...uses].sort()).toEqual([
      ['key_1', 20],
      ['key_2', 6],
    ]);
    expect((await state().keyUses([])).size).toBe(0);
  });

  test('a monitor comes back as it was put', async () => {
    const monitor = {
      name: 'frameflow',
      cursor: 'c2',
      lastEventAt: 5,
      polledAt: 6,
      attempts: 1,
      skipped: 7,
      detectors: '{"v":1}',
    };
    const fresh = { ...monitor, cursor: null, lastEventAt: null, polledAt: null, detectors: null };
    expect(await state().monitor('frameflow')).toBeNull();
    await state().commit([{ type: 'monitor.put', monitor: fresh }]);
    expect(await state().monitor('frameflow')).toEqual(fresh);
    await state().commit([{ type: 'monitor.put', monitor }]);
    expect(await state().monitor('frameflow')).toEqual(monitor);
  });
}
