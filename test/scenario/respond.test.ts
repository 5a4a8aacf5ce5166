import { expect, test } from 'vitest';
import { MINUTE } from '../../src/model/index.ts';
import { makeWorld, type World } from '../support/world.ts';

const RESPONDING = { detectors: { 'outside-allowlist': { respond: 'rotate' } } };

const breach = (world: World) =>
  world.sandbox.admin.playEvents([
    { key_id: world.sandbox.frameflow.firstKey.id, ip: '198.51.100.77', geo: { country: 'DE' } },
  ]);

test('a key that somebody else uses is replaced everywhere by itself, and the page says so', async () => {
  const world = await makeWorld({ destinations: ['file', 'vault'], every: 30 * MINUTE, monitor: RESPONDING });
  breach(world);
  await world.advance('35m');
  const [rotation, ...others] = await world.rotations();
  expect(others).toEqual([]);
  expect(rotation).toMatchObject({ trigger: 'emergency', actor: 'watch', state: 'overlap' });
  const minted = world.sandbox.frameflow.keys().at(-1);
  for (const place of [world.file, world.vault]) expect((await place.held())?.value).toBe(minted?.value);
  world.pagerduty.expectTriggered('outside-allowlist');
  const [alert] = await world.alerts('outside-allowlist');
  expect(alert?.summary).toContain(`Keywarden has begun an emergency rotation ${rotation?.id}`);

  // The rest of the overlap, in which the stranger goes on.
  breach(world);
  await world.advance('2d');
  breach(world);
  await world.advance('2d');
  expect((await world.rotations()).map(({ state }) => state)).toEqual(['completed']);
});
