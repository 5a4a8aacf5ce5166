import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { SECOND } from '../support/settings.ts';
import { makeWorld, START, type World, type WorldOptions } from '../support/world.ts';

/** Short enough to be tried through minute by minute. */
const OVERLAP = HOUR;

/** Due in a minute, in a world whose provider gives an hour of overlap. */
async function nearlyDue(options: WorldOptions = {}): Promise<World> {
  const world = await makeWorld({
    monitor: null,
    rotation: { issuedAt: new Date(START - 89 * DAY).toISOString(), overlap: '1h' },
    sandbox: { overlapMs: OVERLAP },
    ...options,
  });
  await world.advance(DAY - MINUTE);
  return world;
}

const minted = (world: World) => world.sandbox.frameflow.keys().length - 2;

/** The new key was minted and is not published yet. */
async function untilVerifying(world: World): Promise<void> {
  await world.until(async () => (await world.rotations()).at(-1)?.state === 'verifying', '10m');
}

async function expectCompletedEverywhere(world: World): Promise<void> {
  await world.until(async () => (await world.rotations()).at(-1)?.state === 'completed', '2h');
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(2);
  expect(minted(world)).toBe(1);
  expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
}

test('a store that is down when a rotation is due: nothing is minted, it is told, and it goes on by itself', async () => {
  const world = await nearlyDue();
  world.vaultServer.sealed = true;
  await world.advance('30m');
  expect(minted(world)).toBe(0);
  expect((await world.rotation()).state).toBe('minting');
  expect(world.slack.expectTold('store-unreachable').headline).toContain('vault');
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(1);

  world.vaultServer.sealed = false;
  await world.advance('2m');
  expect(minted(world)).toBe(1);
  expect(world.slack.counts()).toEqual({
    'store-unreachable': 1,
    'store-unreachable resolved': 1,
    'rotation-completed': 1,
  });
  await expectCompletedEverywhere(world);
});

test('a destination that is not required holds up no mint', async () => {
  const world = await nearlyDue({ publish: { vault: { required: false } } });
  world.vaultServer.sealed = true;
  await world.advance('3m');
  expect(minted(world)).toBe(1);
  await world.aws.expectVersion(2);
  world.vaultServer.sealed = false;
  await expectCompletedEverywhere(world);
});

test('a store that goes down during publishing: the others get the key, people are told at 50 % and at 80 % of the overlap', async () => {
  const world = await nearlyDue();
  await untilVerifying(world);
  const mintedAt = world.time;
  world.vaultServer.sealed = true;
  await world.advance('2m');
  expect((await world.rotation()).state).toBe('publishing');
  await world.vault.expectVersion(1);
  await world.aws.expectVersion(2);
  await world.file.expectVersion(2);
  world.pagerduty.expectTriggered('store-unreachable');

  await world.advance(mintedAt + OVERLAP / 2 - world.time - MINUTE);
  expect(await world.alerts('publish-failed')).toEqual([]);
  await world.advance(3 * MINUTE);
  expect(await world.alerts('publish-failed')).toMatchObject([{ severity: 'warning', state: 'triggered' }]);
  expect(world.pagerduty.incidents('publish-failed')).toEqual([]);

  await world.advance(mintedAt + OVERLAP * 0.8 - world.time + 2 * MINUTE);
  expect(await world.alerts('publish-failed')).toMatchObject([{ severity: 'critical', state: 'triggered' }]);
  world.pagerduty.expectTriggered('publish-failed');

  world.vaultServer.sealed = false;
  await world.advance('2m');
  await world.vault.expectVersion(2);
  world.pagerduty.expectResolved('publish-failed');
  world.pagerduty.expectResolved('store-unreachable');
  await expectCompletedEverywhere(world);
});

test('a store that stays down beyond the overlap: attention, publishing goes on, and then all is well', async () => {
  // An application that reads this store is refused once the overlap is over: nothing can be done about that.
  const world = await nearlyDue({ application: false });
  await untilVerifying(world);
  world.vaultServer.sealed = true;
  await world.advance('70m');
  expect((await world.rotation()).state).toBe('attention');
  expect((await world.credential()).versions.map(({ state }) => state)).toEqual(['current', 'retired']);
  expect(world.pagerduty.expectTriggered('rotation-attention').summary).toContain('1 of 3 destinations');

  world.vaultServer.sealed = false;
  await world.advance('3m');
  await expectCompletedEverywhere(world);
  world.pagerduty.expectResolved('rotation-attention');
  expect(world.slack.counts()['rotation-completed']).toBe(1);
});

test('a store that accepts and does not keep is found out', async () => {
  const world = await nearlyDue();
  await untilVerifying(world);
  world.awsServer.fault = ({ operation }) =>
    operation === 'PutSecretValue' || operation === 'UpdateSecretVersionStage'
      ? { status: 200, body: {} }
      : null;
  await world.advance('3m');
  await world.aws.expectVersion(1);
  await world.vault.expectVersion(2);
  const aws = (await world.credential()).destinations.find(({ id }) => id.startsWith('aws'));
  expect(aws).toMatchObject({ state: 'pending', lastError: { code: 'not_kept' } });
  world.slack.expectTold('store-unreachable');

  world.awsServer.fault = null;
  await world.advance('2m');
  await expectCompletedEverywhere(world);
});

test('what somebody else writes to a destination is put right by the next publication', async () => {
  const world = await nearlyDue();
  world.vaultServer.put('secret/footage/frameflow', (data) => ({
    ...data,
    note: 'theirs',
    api_key: 'ff_live_0123456789abcdef',
  }));
  // The application would be refused with a key that is none; it is the person's doing.
  const careless = world.sandbox.frameflow.firstKey.value;
  world.vaultServer.put('secret/footage/frameflow', (data) => ({ ...data, api_key: careless }));
  await expectCompletedEverywhere(world);
  expect(JSON.stringify(world.vaultServer.observe())).toContain('theirs');
});

test('a destination that hangs does not delay the others', async () => {
  const world = await nearlyDue({ timeout: '4s' });
  await untilVerifying(world);
  world.vaultServer.fault = () => 'hang';
  const moving = world.advance('31s');
  await vi.waitFor(
    async () => {
      await world.aws.expectVersion(2);
      await world.file.expectVersion(2);
    },
    { timeout: 15_000, interval: 5 },
  );
  expect(world.daemon.engine.active).toBeGreaterThan(0);
  await world.vault.expectVersion(1);
  world.vaultServer.fault = null;
  await moving;
  await world.advance('1m');
  await expectCompletedEverywhere(world);
}, 30_000);

test('a credential that is stuck does not delay another', async () => {
  const world = await makeWorld({ monitor: null, second: true });
  await world.advance('89d');
  const theirs = join(world.folder, 'batch.env');
  await rm(theirs);
  await mkdir(theirs);
  await world.advance('1d');
  await world.advance('3m');
  expect((await world.rotation()).state).toBe('overlap');
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(2);
  expect((await world.rotation(SECOND)).state).toBe('minting');
  expect(world.slack.expectTold('store-unreachable').headline).toContain(SECOND);

  await rm(theirs, { recursive: true });
  await world.advance('3m');
  expect((await world.rotation(SECOND)).state).toBe('overlap');
});
