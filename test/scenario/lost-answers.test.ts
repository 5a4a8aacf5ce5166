import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { makeWorld, START, type World } from '../support/world.ts';

const minted = (world: World) => world.sandbox.frameflow.keys().slice(2);

test('sixty hours in which every answer to a mint is lost, with a provider that forgets: the mints are spaced and told, a successor is held before the key ends, and every lost key is named', async () => {
  const world = await makeWorld({
    destinations: ['file', 'vault'],
    rotation: { issuedAt: new Date(START - 90 * DAY + MINUTE).toISOString() },
    sandbox: { idempotency: false },
    every: 2 * HOUR,
  });
  const cut = { kind: 'drop-after' } as const;
  world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/rotate', times: 0, fault: cut });
  await world.advance('60h');
  // A few at once, then ever more seldom, and never none: the first of them has begun the end of the current key.
  const count = minted(world).length;
  expect(count).toBeGreaterThan(50);
  expect(count).toBeLessThan(80);
  world.slack.expectTold('rotation-failed');
  for (const place of [world.file, world.vault]) await place.expectVersion(1);

  world.sandbox.admin.clearFaults();
  await world.until(async () => (await world.rotation()).state === 'overlap', '2h');
  const current = minted(world).at(-1);
  expect((await world.file.held())?.value).toBe(current?.value);
  expect((await world.rotation()).overlapEndsAt).toBe((minted(world)[0]?.createdAt ?? 0) + 72 * HOUR);
  // The log names them all by its next page.
  await world.advance('2h');
  const named = (await world.alerts('key-orphaned')).map(({ evidence }) => evidence.keyId);
  expect(named.toSorted()).toEqual(
    minted(world)
      .filter(({ id }) => id !== current?.id)
      .map(({ id }) => id)
      .toSorted(),
  );
  expect(await world.alerts('foreign-mint')).toEqual([]);
  await world.advance('1d');
  expect((await world.rotation()).state).toBe('completed');
}, 60_000);
