import { expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { othersRotate } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

/*
 * Our clock may be days wrong until the provider has answered: what that would end for good must wait.
 */

test('while nobody knows the time nothing begins, whatever the clock says', () => {
  const world = World.managing();
  world.timeKnown = false;
  world.sleep('200d');
  world.wake();
  world.advance('1h');
  expect([world.provider.calls, world.history]).toEqual([[], []]);
  world.timeKnown = true;
  world.advance('2m');
  expect(world.provider.calls).toHaveLength(1);
});

test('no overlap is closed, and no old key retired', () => {
  const world = World.managing();
  world.rotate();
  world.advance('1h');
  world.timeKnown = false;
  world.sleep('20d');
  world.wake();
  world.advance('1h');
  expect([world.history, world.versions]).toEqual([['overlap'], ['2 current', '1 retiring']]);
});

test('a destination that has got its version is noted all the same', () => {
  const world = World.managing();
  world.provider.mints = () => {
    world.shelf('file').fault = (now) => (now > START && now < START + HOUR ? failure('retryable') : null);
    return null;
  };
  world.rotate();
  world.advance('30m');
  world.timeKnown = false;
  world.advance('2h');
  expect(world.open?.state).toBe('overlap');
});

test('a rotation in the log that is not ours is told all the same, and its successor waits for the time', () => {
  const world = World.managing();
  world.advance('5d');
  world.timeKnown = false;
  othersRotate(world, 'first');
  world.advance('10m');
  world.readLog();
  expect(world.count('foreign-mint')).toBe(1);
  expect(world.provider.calls).toEqual([]);
  world.timeKnown = true;
  world.advance('5m');
  expect(world.current.expiresAt).toBeNull();
  expect(world.now).toBeLessThan(START + 6 * DAY);
});
