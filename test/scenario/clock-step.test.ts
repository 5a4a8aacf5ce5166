import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { order } from '../support/orders.ts';
import { makeWorld, type World } from '../support/world.ts';

const minted = (world: World) => world.sandbox.frameflow.keys().slice(2);

/** A credential whose key is due again a day after its overlap. */
async function overlap(): Promise<World> {
  const world = await makeWorld({ destinations: ['file'], rotation: { every: '4d' }, every: 2 * HOUR });
  await order(world, 'rotate');
  await world.until(async () => (await world.rotation()).state === 'overlap', '5m');
  return world;
}

describe.each([5, -5, 1, -1])('the wall clock is stepped by %d days in an overlap', (days) => {
  test('the overlap is not closed, and nothing begins in it', async () => {
    const world = await overlap();
    const { overlapEndsAt } = await world.rotation();
    await world.advance('10h');
    world.clock.skew = days * DAY;
    await world.poll();
    await world.advance((overlapEndsAt ?? 0) - world.time - MINUTE);
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['overlap']);
    expect((await world.credential()).versions.map(({ state }) => state)).toEqual(['current', 'retiring']);
    await world.advance('3h');
    expect((await world.rotation()).state).toBe('completed');
    expect(minted(world)).toHaveLength(1);
    await world.advance('1d');
    // Due by its age, not by a wall clock.
    await world.until(() => minted(world).length === 2, '2h');
  });

  test('and back: each key has its time', async () => {
    const world = await overlap();
    await world.advance('10h');
    world.clock.skew = days * DAY;
    await world.poll();
    await world.advance('10h');
    world.clock.skew = 0;
    await world.poll();
    await world.advance('20d');
    const rotations = await world.rotations();
    for (const [index, { mintedAt }] of rotations.entries()) {
      const before = rotations[index - 1]?.mintedAt;
      if (before) expect((mintedAt ?? 0) - before).toBeGreaterThanOrEqual(72 * HOUR);
    }
    expect(rotations.length).toBeGreaterThanOrEqual(5);
    expect(rotations.length).toBeLessThanOrEqual(7);
    expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
  });

  test('and the daemon restarted, while the provider cannot be asked: it waits with what cannot be undone', async () => {
    const world = await overlap();
    await world.advance('10h');
    await world.stop();
    world.clock.skew = days * DAY;
    const down = { kind: 'status', status: 503 } as const;
    world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth', times: 0, fault: down });
    await world.start();
    await world.advance('1d');
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['overlap']);
    expect((await world.credential()).versions.map(({ state }) => state)).toEqual(['current', 'retiring']);
    world.sandbox.admin.clearFaults();
    await world.advance('3d');
    expect((await world.rotations())[0]?.state).toBe('completed');
  });
});
