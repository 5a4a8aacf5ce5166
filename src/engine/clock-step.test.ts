import { expect, test } from 'vitest';
import { makeWorld } from '../../test/support/world.ts';
import { HOUR, MINUTE, SECOND } from '../model/index.ts';
import { StateError } from '../state/contract.ts';
import { ClockWatch } from './clock-step.ts';

/** A watch on a clock that the test sets, and how often it asked to adapt. */
function watched() {
  const clock = { wall: 1_000_000, monotonic: 0 };
  const watch = new ClockWatch({
    now: () => clock.wall,
    monotonic: () => clock.monotonic,
    steady: () => clock.monotonic,
    after: () => () => undefined,
  });
  let adapted = 0;
  const follow = async () => {
    await watch.follow(async () => {
      adapted += 1;
    });
    return adapted;
  };
  return { clock, watch, follow };
}

test('time that passes, and a clock that is set forward, ask for nothing', async () => {
  const { clock, follow } = watched();
  clock.wall += MINUTE;
  clock.monotonic += MINUTE;
  expect(await follow()).toBe(0);
  clock.wall += HOUR;
  expect(await follow()).toBe(0);
});

test('a clock that is set back is adapted to once, measured from where it was set forward to', async () => {
  const { clock, follow } = watched();
  clock.wall += HOUR;
  await follow();
  clock.wall -= HOUR;
  expect(await follow()).toBe(1);
  expect(await follow()).toBe(1);
});

test('small steps back add up', async () => {
  const { clock, follow } = watched();
  clock.wall -= 0.6 * SECOND;
  expect(await follow()).toBe(0);
  clock.wall -= 0.6 * SECOND;
  expect(await follow()).toBe(1);
  expect(await follow()).toBe(1);
});

test('a step that could not be adapted to is seen again', async () => {
  const { clock, watch, follow } = watched();
  clock.wall -= HOUR;
  const full = new StateError('state_full', 'the disk is full');
  await expect(watch.follow(() => Promise.reject(full))).rejects.toBe(full);
  expect(await follow()).toBe(1);
  expect(await follow()).toBe(1);
});

test('where the clock is set back while the state takes no writes, the monitors are woken once it does', async () => {
  const boundaries: string[] = [];
  const killable = (name: string) => {
    boundaries.push(name);
    return false;
  };
  const world = await makeWorld({ killable });
  await world.advance('10m');
  const reads = async () => {
    boundaries.length = 0;
    await world.killable.engine.reconcile();
    await world.settle();
    return boundaries.filter((name) => name.startsWith('before readLog')).length;
  };
  expect(await reads()).toBe(0);
  world.clock.skew = -HOUR;
  world.killable.refusal = new StateError('state_full', 'the disk is full');
  expect(await reads()).toBe(0);
  world.killable.refusal = null;
  expect(await reads()).toBe(1);
  expect(await reads()).toBe(0);
});
