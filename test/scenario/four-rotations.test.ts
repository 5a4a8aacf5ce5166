import { expect, test } from 'vitest';
import { DAY, HOUR } from '../../src/model/index.ts';
import { makeWorld, START } from '../support/world.ts';

const QUARTER = 90 * DAY;
const SELDOM = { check: '30d' };

test('400 days: four rotations reach Vault, AWS and the file, and the application is never refused', async () => {
  const world = await makeWorld({ drift: SELDOM, sandbox: { propagationMs: 30_000, nodes: 3 } });
  await world.advance('400d');
  expect(world.application.calls).toBeGreaterThan(400);

  const rotations = await world.rotations();
  expect(rotations.map(({ trigger, state }) => [trigger, state])).toEqual(
    Array(4).fill(['scheduled', 'completed']),
  );
  const mints = [1, 2, 3, 4].map((count) => START + count * QUARTER);
  expect(rotations.map(({ mintedAt }) => mintedAt)).toEqual(mints);
  expect(rotations.map(({ endedAt }) => endedAt)).toEqual(mints.map((at) => at + 72 * HOUR));

  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(5);
  const { versions, destinations, open } = await world.credential();
  expect(versions.map(({ number, state, origin }) => [number, state, origin])).toEqual([
    [5, 'current', 'minted'],
    [4, 'retired', 'minted'],
    [3, 'retired', 'minted'],
    [2, 'retired', 'minted'],
    [1, 'retired', 'configured'],
  ]);
  expect(destinations.map(({ state, versionId }) => [state, versionId])).toEqual(
    Array(3).fill(['published', versions[0]?.id]),
  );
  expect(open).toBe(null);
  const keys = world.sandbox.frameflow.keys();
  expect(keys.map(({ id }) => id)).toEqual([
    versions[4]?.keyId,
    keys[1]?.id,
    ...versions
      .slice(0, 4)
      .map(({ keyId }) => keyId)
      .reverse(),
  ]);
}, 60_000);

test('of a year with four rotations people are told four times, and the audit log has every step', async () => {
  const world = await makeWorld({ drift: SELDOM, every: 3 * DAY });
  await world.advance('400d');
  expect(world.slack.counts()).toEqual({ 'rotation-completed': 4 });
  world.pagerduty.expectQuiet();
  expect((await world.alerts()).map(({ kind, state, count }) => [kind, state, count])).toEqual(
    Array(4).fill(['rotation-completed', 'resolved', 1]),
  );
  expect(await world.state.outboxDepth()).toEqual({});

  const counts: Record<string, number> = {};
  for (const { action } of (await world.state.audit({ limit: 1_000 })).items) {
    counts[action] = (counts[action] ?? 0) + 1;
  }
  expect(counts).toEqual({
    'version.adopted': 1,
    'version.published': 3 + 4 * 3,
    'rotation.minting': 4,
    'mint.intended': 4,
    'version.minted': 4,
    'version.current': 4,
    'rotation.verifying': 4,
    'rotation.publishing': 4,
    'rotation.overlap': 4,
    'rotation.completed': 4,
    'alert.raised': 4,
  });
}, 60_000);
