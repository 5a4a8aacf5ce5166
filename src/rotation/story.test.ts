import { expect, test } from 'vitest';
import { DAY } from '../model/index.ts';
import { START, World } from './testing/world.ts';

test('over 400 days a key is rotated four times, on time, and the application never holds a dead one', () => {
  const world = World.managing();
  for (let hour = 0; hour < 400 * 24; hour += 1) {
    world.advance('1h');
    for (const { value } of world.shelves) {
      expect(world.provider.alive(value ?? '', world.now)).toBe(true);
    }
  }
  expect(world.history).toEqual(['completed', 'completed', 'completed', 'completed']);
  expect(world.versions).toEqual(['5 current', '4 retired', '3 retired', '2 retired', '1 retired']);
  expect(world.provider.calls.map(({ at }) => at)).toEqual([1, 2, 3, 4].map((n) => START + n * 90 * DAY));
  expect(world.told.map(({ kind }) => kind)).toEqual(Array(4).fill('rotation-completed'));
  expect(world.alarms).toEqual([]);
});
