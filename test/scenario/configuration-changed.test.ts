import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, type Raise } from '../../src/model/index.ts';
import { HELD } from '../support/held.ts';
import { attempt, look, order } from '../support/orders.ts';
import type { Place } from '../support/settings.ts';
import { SECOND } from '../support/settings.ts';
import { makeWorld, type World } from '../support/world.ts';

/** A rotation that waits for its last destination, a Vault that is sealed. */
async function publishing(destinations: readonly Place[]): Promise<World> {
  const world = await makeWorld({ destinations });
  await order(world, 'rotate');
  await world.until(async () => (await world.rotation()).state === 'verifying', '5m');
  world.vaultServer.sealed = true;
  await world.until(async () => (await world.rotation()).state === 'publishing', '5m');
  await world.advance('5m');
  return world;
}

async function restartWith(world: World, settings: Parameters<World['configure']>[0]): Promise<void> {
  await world.stop();
  await world.configure(settings);
  await world.start();
}

async function stepsOf(world: World): Promise<readonly string[]> {
  const { id } = await world.rotation();
  return (await world.state.steps(id)).map(
    ({ name, destination, state }) => `${name} ${destination.split(':')[0]} ${state}`,
  );
}

describe('in the middle of a rotation the configuration', () => {
  test('gets another destination: the rotation goes on, and the new one has the current version at once', async () => {
    const world = await publishing(['vault', 'file']);
    await restartWith(world, { destinations: ['vault', 'file', 'aws'] });
    await world.advance('5m');
    await world.aws.expectVersion(2);
    expect((await world.rotation()).state).toBe('publishing');
    world.vaultServer.sealed = false;
    await world.advance('4d');
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['completed']);
    for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(2);
  });

  test('loses the destination that it waited for: it ends without it, and what stands there is left alone', async () => {
    const world = await publishing(['vault', 'file']);
    await restartWith(world, { destinations: ['file'] });
    await world.advance('5m');
    expect((await world.rotation()).state).toBe('overlap');
    expect(await stepsOf(world)).toContain('publish file done');
    world.vaultServer.sealed = false;
    await world.vault.expectVersion(1);
  });

  test('asks for another overlap and another window: this one ends as it began', async () => {
    const world = await makeWorld({ destinations: ['file'] });
    await order(world, 'rotate');
    await world.until(async () => (await world.rotation()).state === 'overlap', '5m');
    const { overlapEndsAt } = await world.rotation();
    await restartWith(world, {
      destinations: ['file'],
      rotation: { every: '10d', window: 'Mon 09:00-10:00 UTC', overlap: '24h' },
    });
    expect((await world.rotation()).overlapEndsAt).toBe(overlapEndsAt);
    await world.advance((overlapEndsAt ?? 0) - world.time + 60_000);
    expect((await world.rotation()).state).toBe('completed');
    expect((await world.rotation()).endedAt).toBe(overlapEndsAt);
  });

  test('loses the credential and gets it back: the rotation goes on where it stood', async () => {
    const world = await makeWorld({ destinations: ['file'], second: true });
    await order(world, 'rotate', {}, SECOND);
    await world.until(async () => (await world.rotation(SECOND)).state === 'overlap', '5m');
    await restartWith(world, { destinations: ['file'] });
    await world.advance('1d');
    expect(await look(world, `/v1/credentials/${SECOND}`)).toMatchObject({ state: 'parked' });
    await restartWith(world, { destinations: ['file'], second: true });
    await world.advance('3d');
    expect((await world.rotations(SECOND)).map(({ state }) => state)).toEqual(['completed']);
    expect(await look(world, `/v1/credentials/${SECOND}`)).toMatchObject({ state: 'managed' });
  });
});

const CHANGED = {
  destinations: ['vault', 'file', 'aws'],
  rotation: { every: '10d', window: 'Mon 09:00-10:00 UTC', overlap: '24h' },
  provider: { settle: { minimum: '20m', budget: '40m', successes: 9 } },
  stragglers: { warnBefore: ['1h'] },
} as const;

describe('a rotation goes on as it began, whatever else is configured', () => {
  test.each(Object.keys(HELD))('while it is in %s', async (state) => {
    const world = await makeWorld({ destinations: ['vault', 'file'] });
    // Where a store is down from the beginning nothing is minted.
    const early = state === 'publishing' ? undefined : HELD[state]?.(world);
    await order(world, 'rotate');
    const release = early ?? HELD[state]?.(world);
    await world.until(async () => (await world.rotation()).state === state, '5m');
    const { terms } = await world.rotation();
    expect(terms).toEqual({
      overlap: 72 * HOUR,
      warnBefore: [24 * HOUR, 6 * HOUR],
      settle: { minimum: 30_000, budget: 120_000, successes: 2 },
    });

    await restartWith(world, CHANGED);
    release?.();
    await world.until(async () => (await world.rotation()).state === 'overlap', '3m');
    expect((await world.rotation()).terms).toEqual(terms);
    await world.advance('1m');
    for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(2);
    const { overlapEndsAt } = await world.rotation();
    await world.advance((overlapEndsAt ?? 0) - world.time);
    expect(await world.rotation()).toMatchObject({ state: 'completed', endedAt: overlapEndsAt, terms });

    // The next one begins with what is configured now.
    await world.until(async () => (await world.rotations()).length === 2, '14d');
    expect((await world.rotation()).terms).toEqual({
      overlap: 24 * HOUR,
      warnBefore: [HOUR],
      settle: { minimum: 20 * MINUTE, budget: 40 * MINUTE, successes: 9 },
    });
  });
});

/** What only a person could end, if the credential were not forgotten. */
const LOST: Omit<Raise, 'at'> = {
  type: 'raise',
  kind: 'key-orphaned',
  credential: SECOND,
  condition: 'key_9',
  severity: 'critical',
  title: 'batch: key_9 was minted and lost',
  summary: 'Its answer never came.',
  action: 'Delete key_9 in the console.',
  deadline: null,
  evidence: {},
};

describe('a credential that is no longer configured', () => {
  test('is parked with its key, is not rotated, and goes for good only by `forget`', async () => {
    const world = await makeWorld({ destinations: ['file'], second: true });
    expect(await attempt(world, `/v1/credentials/${SECOND}/forget`)).toMatchObject({
      status: 409,
      json: { type: expect.stringContaining('still-configured') },
    });
    const value = world.env.SECOND_API_KEY ?? '';
    const file = join(world.folder, 'batch.env');
    expect(await readFile(file, 'utf8')).toContain(value);
    const [version] = (await world.credential(SECOND)).versions;
    await restartWith(world, { destinations: ['file'] });
    await world.advance('100d');
    expect(await look(world, `/v1/credentials/${SECOND}`)).toMatchObject({
      state: 'parked',
      waysOut: [`keywarden forget ${SECOND}`],
    });
    expect(await world.rotations(SECOND)).toEqual([]);
    expect((await world.state.versionValue(version?.id ?? '')).reveal()).toBe(value);
    expect((await attempt(world, `/v1/credentials/${SECOND}/rotate`)).status).toBe(404);

    await world.daemon.engine.submit([], [{ ...LOST, at: world.time }]);
    const open = async () => (await world.state.alerts({ state: 'open' })).items.map(({ kind }) => kind);
    expect(await open()).toEqual(['key-orphaned']);
    await order(world, 'forget', {}, SECOND);
    expect(await open()).toEqual([]);
    await expect(world.state.versionValue(version?.id ?? '')).rejects.toMatchObject({
      code: 'state_corrupt',
    });
    expect((await attempt(world, `/v1/credentials/${SECOND}/forget`)).status).toBe(404);
    // What was published is the application's.
    expect(await readFile(file, 'utf8')).toContain(value);
  });
});
