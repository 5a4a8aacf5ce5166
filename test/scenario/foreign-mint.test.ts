import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../src/model/index.ts';
import { order } from '../support/orders.ts';
import { makeWorld, type World } from '../support/world.ts';

const minted = (world: World) => world.sandbox.frameflow.keys().slice(2);

/** Its daemon reads the log every half hour. */
function watched(): Promise<World> {
  return makeWorld({ destinations: ['file', 'vault'], every: 30 * MINUTE });
}

describe('somebody else rotates', () => {
  test('our current key: a person is called, and its successor comes at once, window or pause or not', async () => {
    const world = await makeWorld({
      destinations: ['file', 'vault'],
      every: 30 * MINUTE,
      rotation: { window: 'Mon 09:00-10:00 UTC' },
    });
    await order(world, 'pause', { reason: 'year-end freeze' });
    const { firstKey } = world.sandbox.frameflow;
    const stolen = world.sandbox.admin.foreignMint(firstKey.id);
    await world.advance('35m');
    const page = world.pagerduty.expectTriggered('foreign-mint');
    expect(page.summary).toContain(stolen?.id);
    const [alert] = await world.alerts('foreign-mint');
    expect(alert?.evidence).toMatchObject({
      keyId: stolen?.id,
      signedBy: firstKey.id,
      ips: ['198.51.100.66'],
      userAgent: 'curl/8.11.0',
    });

    const [rotation] = await world.rotations();
    expect(rotation).toMatchObject({ trigger: 'scheduled', state: 'overlap' });
    // The 72 hours of the signing key count from the stranger's rotation, not from ours.
    expect(rotation?.overlapEndsAt).toBe((stolen?.createdAt ?? 0) + 72 * HOUR);
    for (const place of [world.file, world.vault])
      expect((await place.held())?.value).toBe(minted(world).at(-1)?.value);
    expect(await world.alerts('key-orphaned')).toEqual([]);
    await world.advance('4d');
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['completed']);
  });

  test('the key that our rotation has just brought: its successor is due at once, overlap or not', async () => {
    const world = await watched();
    await order(world, 'rotate');
    await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
    const current = minted(world).at(-1);
    world.sandbox.admin.foreignMint(current?.id ?? '');
    await world.advance('35m');
    world.pagerduty.expectTriggered('foreign-mint');
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['superseded', 'overlap']);
    for (const place of [world.file, world.vault])
      expect((await place.held())?.value).toBe(minted(world).at(-1)?.value);
    await world.advance('4d');
    const { versions } = await world.credential();
    expect(versions.map(({ state }) => state)).toEqual(['current', 'orphaned', 'retired', 'retired']);
  });

  test('a key that is retiring: a person is called, and the current key, which has no end, stays', async () => {
    const world = await watched();
    await order(world, 'rotate');
    await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
    // Close to a mint of ours it might be one of ours that was lost.
    await world.advance('20m');
    const stolen = world.sandbox.admin.foreignMint(world.sandbox.frameflow.firstKey.id);
    await world.advance('2h');
    const page = world.pagerduty.expectTriggered('foreign-mint');
    expect(page.summary).toContain(stolen?.id);
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['overlap']);
    await world.file.expectVersion(2);
  });

  test('and the log tells of it only a day later: it is told then, and nobody is refused', async () => {
    const world = await watched();
    const { firstKey } = world.sandbox.frameflow;
    world.sandbox.admin.foreignMint(firstKey.id, { arrives_at: world.time + 24 * HOUR });
    await world.advance('23h');
    world.pagerduty.expectQuiet();
    await world.advance('2h');
    world.pagerduty.expectTriggered('foreign-mint');
    expect((await world.file.held())?.value).toBe(minted(world).at(-1)?.value);
    expect(minted(world)).toHaveLength(2);
    await world.advance('4d');
  });
});

test('a rotation of our own that the log shows is nobody else’s', async () => {
  const world = await watched();
  await order(world, 'rotate');
  await world.advance('4d');
  expect(await world.alerts('foreign-mint')).toEqual([]);
  expect((await world.credential()).mints).toEqual([]);
  expect(Object.keys(world.slack.counts())).toEqual(['rotation-completed']);
});
