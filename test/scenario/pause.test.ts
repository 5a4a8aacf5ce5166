import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { look, order } from '../support/orders.ts';
import { CREDENTIAL } from '../support/settings.ts';
import { makeWorld, START, type World } from '../support/world.ts';

/** A key that is due tomorrow. */
function dueTomorrow(options: { readonly every?: number } = {}): Promise<World> {
  return makeWorld({
    destinations: ['file'],
    rotation: { every: '30d', issuedAt: new Date(START - 29 * DAY).toISOString() },
    ...options,
  });
}

test('paused, nothing is rotated; that the key is overdue is told all the same, with the reason; resumed, it is rotated at once', async () => {
  const world = await dueTomorrow();
  const { pause } = await order(world, 'pause', { reason: 'year-end freeze' });
  expect(pause).toMatchObject({ until: null, reason: 'year-end freeze', actor: 'ops' });
  await world.advance('3d');
  expect(await world.rotations()).toEqual([]);
  expect(await world.alerts('rotation-overdue')).toEqual([]);

  // 10 % of its period beyond it.
  await world.advance('2d');
  const [overdue] = await world.alerts('rotation-overdue');
  expect(overdue).toMatchObject({
    state: 'triggered',
    action: `Have it rotated again: \`keywarden resume ${CREDENTIAL}\``,
  });
  expect(overdue?.summary).toMatch(/ops paused it at .*year-end freeze/);

  await order(world, 'resume');
  await world.advance('11m');
  expect((await world.rotation()).state).toBe('overlap');
  await world.file.expectVersion(2);
  expect((await world.alerts('rotation-overdue')).map(({ state }) => state)).toEqual(['resolved']);
  expect((await look(world, `/v1/credentials/${CREDENTIAL}`)).pause).toBe(null);
});

test('a pause with an end ends by itself, over a restart too', async () => {
  const world = await dueTomorrow();
  await order(world, 'pause', { until: '3d' });
  await world.restart();
  await world.advance('71h');
  expect(await world.rotations()).toEqual([]);
  await world.advance('90m');
  expect(await world.rotation()).toMatchObject({ trigger: 'scheduled', state: 'overlap' });
});

test('what an operator asks for, an emergency, and an overlap that is open go on while it is paused', async () => {
  const world = await dueTomorrow();
  await order(world, 'rotate');
  await order(world, 'pause');
  await world.advance('4d');
  expect((await world.rotations()).map(({ state }) => state)).toEqual(['completed']);
  await order(world, 'rotate', { emergency: true });
  await world.advance('5m');
  await world.file.expectVersion(3);
  await world.advance('34d');
  expect(await world.rotations()).toHaveLength(2);
});

test('a current key that has an end is replaced before it, paused or not', async () => {
  const world = await dueTomorrow({ every: 10 * MINUTE });
  await order(world, 'pause');
  const stolen = world.sandbox.admin.foreignMint(world.sandbox.frameflow.firstKey.id);
  await world.advance('1h');
  expect(await world.rotation()).toMatchObject({
    state: 'overlap',
    overlapEndsAt: (stolen?.createdAt ?? 0) + 72 * HOUR,
  });
});
