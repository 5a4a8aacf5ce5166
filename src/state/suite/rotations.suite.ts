import { describe, expect, test } from 'vitest';
import { OPEN_STATES } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { put, rotation, step, T } from './samples.suite.ts';

/** Rotations: one at a time, found by id and request key, listed, with their steps. */
export function rotationContract(state: () => State): void {
  describe('a rotation', () => {
    test('comes back as it was put', async () => {
      const bare = rotation({
        reason: null,
        requestKey: null,
        terms: null,
        previousVersionId: null,
        newVersionId: null,
        signerVersionId: null,
        intent: null,
        mints: 0,
        rollback: null,
        preflightedAt: null,
        retryAt: null,
        mintedAt: null,
        answeredAt: null,
        overlapEndsAt: null,
        lastError: null,
      });
      await state().commit([{ type: 'rotation.put', rotation: bare }]);
      expect(await state().rotation('rotation-1')).toEqual(bare);
      const ended = rotation({ state: 'completed', endedAt: T + 9, queued: true });
      await state().commit([{ type: 'rotation.put', rotation: ended }]);
      expect(await state().rotation('rotation-1')).toEqual(ended);
      expect(await state().rotation('nobody')).toBeNull();
    });

    test.each(OPEN_STATES)('in %s holds its credential: a second open one is a conflict', async (held) => {
      await state().commit([put.rotation({ state: held })]);
      const second = put.rotation({ id: 'rotation-2', requestKey: null });
      await expect(state().commit([second])).rejects.toMatchObject({ code: 'conflict' });
      expect(await state().rotation('rotation-2')).toBeNull();
      await state().commit([put.rotation({ id: 'rotation-3', credential: 'another', requestKey: null })]);
    });

    test.each(['completed', 'failed', 'abandoned', 'superseded'] as const)('%s makes room', async (ended) => {
      await state().commit([put.rotation({ state: ended, endedAt: T })]);
      await state().commit([put.rotation({ id: 'rotation-2', requestKey: null })]);
      expect((await state().rotation('rotation-2'))?.state).toBe('minting');
    });

    test('one may wait for the open one, a second may not', async () => {
      await state().commit([
        put.rotation(),
        put.rotation({ id: 'rotation-2', queued: true, requestKey: null }),
      ]);
      const third = put.rotation({ id: 'rotation-3', queued: true, requestKey: null });
      await expect(state().commit([third])).rejects.toMatchObject({ code: 'conflict' });
    });

    test.each([false, true])(
      'takes the place of one that ends in the same commit (listed first: %s)',
      async (first) => {
        const waiting = { id: 'rotation-2', requestKey: null };
        await state().commit([put.rotation(), put.rotation({ ...waiting, queued: true })]);
        const changes = [put.rotation({ state: 'superseded', endedAt: T }), put.rotation(waiting)];
        await state().commit(first ? changes.toReversed() : changes);
        const third = put.rotation({ id: 'rotation-3', requestKey: null });
        await expect(state().commit([third])).rejects.toMatchObject({ code: 'conflict' });
        expect((await state().rotation('rotation-1'))?.state).toBe('superseded');
      },
    );

    test('put twice in one commit is as it was put last', async () => {
      await state().commit([
        put.rotation(),
        put.rotation({ state: 'failed' }),
        put.rotation({ id: '2', requestKey: null }),
      ]);
      expect((await state().rotation('rotation-1'))?.state).toBe('failed');
      expect((await state().rotation('2'))?.state).toBe('minting');
    });

    test('is found by its request key, which makes one rotation of a credential only', async () => {
      await state().commit([put.rotation({ state: 'failed' })]);
      expect((await state().rotationByRequestKey('frameflow-prod', 'request-1'))?.id).toBe('rotation-1');
      expect(await state().rotationByRequestKey('frameflow-prod', 'other')).toBeNull();
      expect(await state().rotationByRequestKey('another', 'request-1')).toBeNull();
      const repeated = put.rotation({ id: 'rotation-2' });
      await expect(state().commit([repeated])).rejects.toMatchObject({ code: 'conflict' });
      await state().commit([put.rotation({ id: 'rotation-3', credential: 'another' })]);
    });

    test('lists are newest first, in pages that meet without a gap, also among equal times', async () => {
      const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      const started = [1, 2, 2, 2, 3, 4, 5];
      await state().commit(
        ids.map((id, index) =>
          put.rotation({
            id,
            requestKey: null,
            state: 'failed',
            startedAt: started[index] ?? 0,
            credential: id === 'f' ? 'another' : 'one',
          }),
        ),
      );
      const seen: string[][] = [];
      let cursor: string | null = null;
      do {
        const page = await state().rotations({ credential: 'one', limit: 2, cursor });
        seen.push(page.items.map((item) => item.id));
        cursor = page.nextCursor;
        // What comes meanwhile is newer than the first page.
        await state().commit([
          put.rotation({
            id: `z${seen.length}`,
            requestKey: null,
            state: 'failed',
            startedAt: 9,
            credential: 'one',
          }),
        ]);
      } while (cursor !== null);
      expect(seen).toEqual([
        ['g', 'e'],
        ['d', 'c'],
        ['b', 'a'],
      ]);
      expect((await state().rotations({})).items.map((item) => item.id)).toEqual([
        'z3',
        'z2',
        'z1',
        'g',
        'f',
        'e',
        'd',
        'c',
        'b',
        'a',
      ]);
      expect((await state().rotations({ limit: 0 })).items).toHaveLength(1);
    });

    test.each(['nonsense', '', 'WyJhIiwiYiJd', 'WzEsMl0', 'e30'])(
      'a cursor that is not ours is refused: %j',
      async (cursor) => {
        await expect(state().rotations({ cursor })).rejects.toMatchObject({ code: 'bad_cursor' });
        await expect(state().alerts({ cursor })).rejects.toMatchObject({ code: 'bad_cursor' });
        await expect(state().audit({ cursor })).rejects.toMatchObject({ code: 'bad_cursor' });
      },
    );
  });

  test('steps come in the order of a rotation, publications by destination', async () => {
    const order = [
      step(),
      step({ name: 'verify', error: null }),
      step({ name: 'publish', destination: 'aws:a' }),
      step({ name: 'publish', destination: 'vault:b', state: 'running', endedAt: null }),
      step({ name: 'overlap', startedAt: null, endedAt: null, state: 'pending' }),
      step({ name: 'retire' }),
    ];
    await state().commit([
      put.rotation(),
      ...order.toReversed().map((one) => ({ type: 'step.put', step: one }) as const),
    ]);
    expect(await state().steps('rotation-1')).toEqual(order);
    await state().commit([put.step({ attempts: 5 })]);
    expect((await state().steps('rotation-1'))[0]?.attempts).toBe(5);
    expect(await state().steps('nobody')).toEqual([]);
  });

  describe('pruning', () => {
    test('deletes ended rotations with their steps, and nothing that is open or younger', async () => {
      await state().commit([
        put.rotation({ id: 'old', state: 'completed', endedAt: T - 1, requestKey: null }),
        put.step({ rotationId: 'old' }),
        put.rotation({ id: 'young', state: 'completed', endedAt: T, requestKey: null }),
        put.step({ rotationId: 'young' }),
        put.rotation({ id: 'open', startedAt: T - 100 }),
      ]);
      await state().prune({ rotations: T, alerts: T });
      expect((await state().rotations({})).items.map((one) => one.id).toSorted()).toEqual(['open', 'young']);
      expect(await state().steps('old')).toEqual([]);
      expect(await state().steps('young')).toHaveLength(1);
    });
  });
}
