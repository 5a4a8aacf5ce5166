import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { attempt, look, order } from '../support/orders.ts';
import { CREDENTIAL } from '../support/settings.ts';
import { makeWorld, START, type World } from '../support/world.ts';

/** A key that is due in a minute, and a provider whose nodes learn of a fresh one only after `propagation`. */
async function nearlyDue(propagation: number, overlap = 72 * HOUR): Promise<World> {
  const world = await makeWorld({
    destinations: ['file', 'vault'],
    rotation: { issuedAt: new Date(START - 90 * DAY + MINUTE).toISOString(), overlap: `${overlap}ms` },
    sandbox: { propagationMs: propagation, overlapMs: overlap },
  });
  await world.advance(MINUTE);
  return world;
}

const minted = (world: World) => world.sandbox.frameflow.keys().slice(2);

test('a new key that is not accepted within its budget leaves the old one current, and is believed as soon as it works', async () => {
  const world = await nearlyDue(10 * MINUTE);
  await world.advance('3m');
  const rotation = await world.rotation();
  expect(rotation.state).toBe('attention');
  const page = world.pagerduty.expectTriggered('rotation-attention');
  expect(page.summary).toContain('still not accepted after 2m');
  await world.file.expectVersion(1);
  expect((await world.credential()).versions.map(({ state }) => state)).toEqual(['pending', 'current']);

  await world.advance('10m');
  expect((await world.rotation()).state).toBe('overlap');
  for (const place of [world.file, world.vault]) await place.expectVersion(2);
  world.pagerduty.expectResolved('rotation-attention');
  expect(minted(world)).toHaveLength(1);
});

test('while time is left the same rotation mints further keys, ever more seldom, and each that stays unused is told', async () => {
  const world = await nearlyDue(30 * DAY);
  await world.advance('4h');
  const times = minted(world).map(({ createdAt }) => createdAt);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  expect(gaps.length).toBe(4);
  expect(gaps[0]).toBeGreaterThanOrEqual(15 * MINUTE);
  for (const [index, gap] of gaps.slice(1).entries())
    expect(gap).toBeGreaterThanOrEqual(1.8 * (gaps[index] ?? 0));
  expect((await world.rotations()).map(({ state, mints }) => [state, mints])).toEqual([
    ['attention', times.length],
  ]);
  const { versions } = await world.credential();
  expect(versions.filter(({ state }) => state === 'unused')).toHaveLength(times.length - 1);
  const told = await world.alerts('rotation-failed');
  expect(told.map(({ evidence }) => evidence.keyId).toSorted()).toEqual(
    minted(world)
      .slice(0, -1)
      .map(({ id }) => id)
      .toSorted(),
  );
  expect(world.pagerduty.incidents('rotation-attention')).toHaveLength(1);

  // All nodes learn of all keys: the last one is taken.
  world.sandbox.admin.changeSettings({ propagationMs: 0 });
  await world.advance('5m');
  expect((await world.rotation()).state).toBe('overlap');
  expect((await world.file.held())?.value).toBe(minted(world).at(-1)?.value);
  world.pagerduty.expectResolved('rotation-attention');
});

test('in the overlap’s last hour nothing more is minted, and a person is told what is left to do', async () => {
  const world = await nearlyDue(30 * DAY, 2 * HOUR);
  await world.advance('1h');
  const count = minted(world).length;
  expect(await ways(world)).toEqual([
    expect.stringMatching(/^keywarden rotation \S+ retry$/),
    expect.stringMatching(/^keywarden rotation \S+ abandon$/),
  ]);
  await world.advance('50m');
  expect(minted(world)).toHaveLength(count);
});

async function ways(world: World): Promise<unknown> {
  return (await look(world, `/v1/credentials/${CREDENTIAL}`)).waysOut;
}

test('`rotation ID retry` begins the patience with the key anew', async () => {
  const world = await nearlyDue(12 * MINUTE);
  await world.advance('11m');
  const { id } = await world.rotation();
  const { status } = await attempt(world, `/v1/rotations/${id}/retry`);
  expect(status).toBe(202);
  expect((await world.rotation()).state).toBe('verifying');
  await world.advance('2m');
  expect((await world.rotation()).state).toBe('overlap');
  expect(minted(world)).toHaveLength(1);
});

test('`rotation ID abandon` leaves the key unused and told; a new rotation mints its successor before the old key ends', async () => {
  const world = await nearlyDue(DAY);
  await world.advance('5m');
  const { id } = await world.rotation();
  expect((await attempt(world, `/v1/rotations/${id}/abandon`)).json).toMatchObject({ state: 'abandoned' });
  world.pagerduty.expectResolved('rotation-attention');
  const [unused] = minted(world);
  expect((await world.alerts('rotation-failed')).map(({ evidence }) => evidence.keyId)).toEqual([unused?.id]);
  const again = await attempt(world, `/v1/rotations/${id}/abandon`);
  expect(again).toMatchObject({
    status: 409,
    json: { detail: expect.stringContaining('abandoned already') },
  });

  // The abandoned mint has given the current key an end.
  world.sandbox.admin.changeSettings({ propagationMs: 0 });
  await world.until(async () => (await world.rotation()).state === 'overlap', '2d');
  expect(minted(world)).toHaveLength(2);
  await world.advance('4d');
  expect((await world.rotations()).map(({ state }) => state)).toEqual(['abandoned', 'completed']);
});

test('a rotation that an operator asks for settles like any other', async () => {
  const world = await makeWorld({ destinations: ['file'], sandbox: { propagationMs: 30_000, nodes: 3 } });
  const { id } = await order(world, 'rotate', { reason: 'a drill' });
  await world.advance('2m');
  expect(await world.rotation()).toMatchObject({
    id,
    trigger: 'manual',
    reason: 'a drill',
    state: 'overlap',
  });
  expect(world.time - START).toBeGreaterThanOrEqual(30_000);
  await world.advance(HOUR);
  world.pagerduty.expectQuiet();
});
