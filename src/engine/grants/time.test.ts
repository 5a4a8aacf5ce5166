import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { makeWorld } from './testing/world.ts';

test.each([
  ['tells its time', 0],
  ['does not tell its time', null],
])('a clock that is set back holds up no grant of a server that %s', async (_, ahead) => {
  const world = await makeWorld();
  world.server.ahead = ahead;
  world.clock.skew = 40 * DAY;
  await world.engine.reconcile();
  await world.settle('user-1');
  await world.token('user-1');
  await world.advance(SECOND);
  await expect.poll(() => world.dueAt()).toBeLessThan(world.clock.now() + HOUR);
  world.clock.skew = 0;
  await world.engine.reconcile();
  await world.rest();
  expect(await world.dueAt()).toBeLessThan(world.clock.now() + HOUR);
  await world.advance(55 * MINUTE);
  expect(world.server.presented).toHaveLength(2);
});

test('of a server that tells no time no token is handed out beyond its end where the wall clock was set back', async () => {
  const world = await makeWorld();
  world.server.ahead = null;
  await world.settle('user-1');
  const { value } = await world.token('user-1');
  world.clock.skew = -2 * HOUR;
  await world.advance(90 * MINUTE);
  expect((await world.token('user-1')).value.equals(value)).toBe(false);
});

test('a use that is noted right before the clock is set back has its grant refreshed ahead all the same', async () => {
  const world = await makeWorld();
  await world.settle('user-1');
  await world.token('user-1');
  world.clock.skew = -DAY;
  await world.engine.reconcile();
  await world.advance(SECOND);
  await expect.poll(() => world.dueAt()).toBeLessThan(world.clock.now() + HOUR);
});
