import { describe, expect, test } from 'vitest';
import type { Change, WatchPart } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { put, rotation, T, version } from './samples.suite.ts';

/** What the watches of logs remember, and what they ask of rotations. */
export function watchContract(state: () => State, reopen: () => Promise<State>): void {
  const parts = (
    putting: readonly WatchPart[],
    { drop = [], monitor = 'log' }: { drop?: readonly string[]; monitor?: string } = {},
  ): Change => ({ type: 'watch.parts', monitor, put: putting, drop });
  const keys = (count: number): WatchPart[] =>
    Array.from({ length: count }, (_, index) => [`key.${index}`, `body ${index}`]);
  const sorted = (found: readonly WatchPart[]) => found.toSorted(([a], [b]) => (a < b ? -1 : 1));

  describe('what a watch remembers', () => {
    test('comes back as it was put last, also after opening again, to its own monitor', async () => {
      await state().commit([
        parts([
          ['clock', '[1,5]'],
          ['key.a', '1'],
          ['repeats.7', '[]'],
        ]),
      ]);
      await state().commit([
        parts([
          ['clock', '[1,6]'],
          ['key.a', '2'],
        ]),
        parts([['clock', 'x']], { monitor: 'b' }),
      ]);
      const found = await reopen();
      expect(await found.watchGeneral('log')).toEqual([
        ['clock', '[1,6]'],
        ['repeats.7', '[]'],
      ]);
      expect(await found.watchParts('log', ['key.a', 'key.b', 'clock'])).toHaveLength(2);
      expect(await found.watchParts('log', ['key.a'])).toEqual([['key.a', '2']]);
      expect(await found.watchParts('b', ['key.a'])).toEqual([]);
      expect(await found.watchGeneral('b')).toEqual([['clock', 'x']]);
      expect(await found.watchGeneral('nobody')).toEqual([]);
    });

    test('of any number of keys is written and read at once, and they are not among the general', async () => {
      const many = keys(1_237);
      await state().commit([parts(many)]);
      const names = many.map(([name]) => name);
      expect(sorted(await state().watchParts('log', [...names, 'key.none']))).toEqual(sorted(many));
      expect(await state().watchParts('log', [])).toEqual([]);
      expect(await state().watchGeneral('log')).toEqual([]);
    });

    test('is dropped by name, and a part that is not there is no fault', async () => {
      await state().commit([parts([...keys(3), ['repeats.1', '[]'], ['repeats.2', '[]']])]);
      await state().commit([parts([], { drop: ['repeats.1', 'key.1', 'repeats.9'] })]);
      expect(await state().watchGeneral('log')).toEqual([['repeats.2', '[]']]);
      expect(sorted(await state().watchParts('log', ['key.0', 'key.1', 'key.2']))).toEqual([
        ['key.0', 'body 0'],
        ['key.2', 'body 2'],
      ]);
    });

    test('is written with the rest of its commit or not at all', async () => {
      await state().commit([parts([['clock', '1']])]);
      const stale: Change = { type: 'credential.expect', name: 'nobody', revision: 7 };
      await expect(state().commit([parts([['clock', '2']]), stale])).rejects.toMatchObject({ code: 'stale' });
      expect(await state().watchGeneral('log')).toEqual([['clock', '1']]);
    });

    test('of a key goes with its credential', async () => {
      await state().commit([
        put.credential(),
        put.version({ keyId: 'gone' }),
        put.version({ id: 'other', credential: 'another', keyId: 'stays' }),
        parts([
          ['key.gone', '1'],
          ['key.gone rest', '1'],
          ['key.stays', '2'],
          ['key.stays rest', '3'],
        ]),
      ]);
      await state().commit([{ type: 'credential.forget', name: 'frameflow-prod' }]);
      const names = ['key.gone', 'key.stays'].flatMap((name) => [name, `${name} rest`]);
      expect(sorted(await state().watchParts('log', names))).toEqual([
        ['key.stays', '2'],
        ['key.stays rest', '3'],
      ]);
    });
  });

  test('a version names the latest rotation that gave it a successor', async () => {
    const superseding = (id: string, previous: string, over: object = {}) =>
      put.rotation({
        ...rotation(),
        id,
        previousVersionId: previous,
        requestKey: null,
        state: 'completed',
        queued: false,
        ...over,
      });
    await state().commit([put.credential(), put.version(version())]);
    await state().commit([
      superseding('late', 'a', { startedAt: T + 9 }),
      superseding('early', 'a', { startedAt: T }),
    ]);
    await state().commit([superseding('vain', 'b', { newVersionId: null })]);
    expect([...(await state().supersededBy(['a', 'b', 'c']))]).toEqual([['a', 'late']]);
    expect((await state().supersededBy([])).size).toBe(0);
  });
}
