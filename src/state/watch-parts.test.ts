import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret, type WatchPart } from '../model/index.ts';
import type { State } from './contract.ts';
import { openMemory } from './sqlite/index.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 9, 1, 15);

let now: number;
let state: State;
beforeEach(async () => {
  now = START;
  state = await openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now: () => now, owner: 'test' });
});
afterEach(() => state.close());

const write = (...put: readonly WatchPart[]) =>
  state.commit([{ type: 'watch.parts', monitor: 'log', put, drop: [] }]);

test('what a watch knows of a key goes 400 days after it was last written, and nothing else of it', async () => {
  await write(['clock', '1'], ['key.idle', '1'], ['key.yearly', '1']);
  now = START + DAY;
  await write(['key.yearly', '2']);
  now = START + 400 * DAY;
  await state.prune({ rotations: 0, alerts: 0 });
  expect(await state.watchParts('log', ['key.idle', 'key.yearly'])).toHaveLength(2);
  now = START + 401 * DAY;
  await state.prune({ rotations: 0, alerts: 0 });
  expect(await state.watchParts('log', ['key.idle', 'key.yearly'])).toEqual([['key.yearly', '2']]);
  expect(await state.watchGeneral('log')).toEqual([['clock', '1']]);
});
