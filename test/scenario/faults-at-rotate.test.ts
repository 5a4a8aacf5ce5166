import { describe, expect, test } from 'vitest';
import { DAY, MINUTE } from '../../src/model/index.ts';
import type { FaultRule, SandboxOptions } from '../../src/sandbox/index.ts';
import { makeWorld, START, type World, type WorldOptions } from '../support/world.ts';

type Fault = FaultRule['fault'];

/** A world with one destination whose key is due in a minute. */
async function nearlyDue(sandbox: SandboxOptions = {}, options: WorldOptions = {}): Promise<World> {
  const world = await makeWorld({
    destinations: ['file'],
    monitor: null,
    rotation: { issuedAt: new Date(START - 89 * DAY).toISOString() },
    sandbox,
    ...options,
  });
  await world.advance(DAY - MINUTE);
  return world;
}

/** Every mint meets the fault for that many minutes, or `times` mints do; the old key goes on serving all the while. */
async function minutesOf(minutes: number, world: World, fault: Fault, times = 0): Promise<void> {
  world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/rotate', times, fault });
  const before = world.providerCalls();
  await world.advance((minutes + 1) * MINUTE);
  expect(world.providerCalls() - before).toBeLessThan(minutes + 15);
  if (times === 0) await world.file.expectVersion(1);
  world.sandbox.admin.clearFaults();
}

/** The rotation ends well by itself: one more key, published, and every alert but reports of what is over has ended. */
async function expectToRecover(world: World, limit = '26h'): Promise<void> {
  await world.until(async () => (await world.rotation()).state === 'overlap', limit);
  const { versions } = await world.credential();
  const current = versions.find(({ state }) => state === 'current');
  await world.file.expectVersion(current?.number ?? 0);
  expect((await world.file.held())?.value).toBe(world.sandbox.frameflow.keys().at(-1)?.value);
  await world.advance('4d');
  expect((await world.rotation()).state).toBe('completed');
}

function expectMinted(world: World, count: number): void {
  expect(world.sandbox.frameflow.keys().length - 2).toBe(count);
}

async function expectAlertsOver(world: World, kinds: readonly string[]): Promise<void> {
  const alerts = await world.alerts();
  expect(alerts.map(({ kind, state }) => `${kind} ${state}`)).toEqual(
    kinds.map((kind) => `${kind} resolved`),
  );
}

describe('an answer that says that nothing was minted', () => {
  test('401, by a key that is accepted elsewhere: the rotation has failed, and comes again after an hour', async () => {
    const world = await nearlyDue();
    await minutesOf(60, world, { kind: 'status', status: 401 });
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['failed', 'failed']);
    world.slack.expectTold('rotation-failed');
    expect((await world.credential()).record.state).toBe('managed');
    await expectToRecover(world);
    expectMinted(world, 1);
    await expectAlertsOver(world, ['rotation-failed', 'rotation-completed']);
    world.pagerduty.expectQuiet();
  });

  test('403: the rotation has failed, a person is told, and it comes again by itself', async () => {
    const world = await nearlyDue();
    await minutesOf(60, world, { kind: 'status', status: 403 });
    expect((await world.rotation()).state).toBe('failed');
    world.slack.expectTold('rotation-failed');
    await expectToRecover(world);
    expectMinted(world, 1);
    await expectAlertsOver(world, ['rotation-failed', 'rotation-completed']);
    world.pagerduty.expectQuiet();
  });

  test('429: waits for as long as it is asked to, and goes on', async () => {
    const world = await nearlyDue();
    const before = world.providerCalls();
    const refusal: Fault = { kind: 'status', status: 429, headers: { 'retry-after': '300' } };
    world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/rotate', times: 0, fault: refusal });
    await world.advance('51m');
    expect(world.providerCalls() - before).toBeLessThanOrEqual(11);
    world.sandbox.admin.clearFaults();
    await expectToRecover(world, '10m');
    expectMinted(world, 1);
    await expectAlertsOver(world, ['rotation-completed']);
  });

  test('503: is asked again for an hour, then rests', async () => {
    const world = await nearlyDue();
    await minutesOf(60, world, { kind: 'status', status: 503 });
    await expectToRecover(world);
    expectMinted(world, 1);
    world.pagerduty.expectQuiet();
  });
});

describe('an answer that leaves open what happened', () => {
  const untold: ReadonlyArray<readonly [string, Fault, number]> = [
    ['500', { kind: 'status', status: 500 }, 0],
    ['502', { kind: 'status', status: 502 }, 0],
    ['504', { kind: 'status', status: 504 }, 0],
    ['500 after the key was minted', { kind: 'status', status: 500, processed: true }, 0],
    ['a connection cut before', { kind: 'drop-before' }, 0],
    ['a connection cut after the key was minted', { kind: 'drop-after' }, 0],
    ['garbage', { kind: 'garbage' }, 0],
    ['half an answer', { kind: 'truncated' }, 0],
    ['an answer without end', { kind: 'endless' }, 4],
    ['an answer without end, packed', { kind: 'endless-gzip' }, 4],
    ['a redirect', { kind: 'redirect', to: 'https://127.0.0.1:1/' }, 0],
  ];
  test.each(untold)(
    '%s: one key is minted, however often the same call is repeated',
    async (_, fault, times) => {
      const world = await nearlyDue();
      await minutesOf(15, world, fault, times);
      const paged = world.pagerduty.incidents().map(({ dedupKey }) => dedupKey.split(':')[0]);
      expect(paged.filter((kind) => kind !== 'rotation-attention')).toEqual([]);
      await expectToRecover(world);
      expectMinted(world, 1);
      expect((await world.alerts('key-orphaned')).length).toBe(0);
      expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
    },
  );

  test('an answer that comes after the time is up: the repeat gets it', async () => {
    const world = await nearlyDue({}, { timeout: '700ms' });
    await minutesOf(15, world, { kind: 'delay', ms: 1_500 }, 1);
    await expectToRecover(world);
    expectMinted(world, 1);
    expect((await world.alerts('key-orphaned')).length).toBe(0);
  });
});

describe('without Idempotency-Key', () => {
  const lost: ReadonlyArray<readonly [string, Fault]> = [
    ['a connection cut after the mint', { kind: 'drop-after' }],
    ['garbage', { kind: 'garbage' }],
    ['half an answer', { kind: 'truncated' }],
    ['500 after the mint', { kind: 'status', status: 500, processed: true }],
  ];
  test.each(lost)('%s: the key that was lost is told, and the next one is used', async (_, fault) => {
    const world = await nearlyDue({ idempotency: false });
    await minutesOf(15, world, fault, 1);
    expectMinted(world, 2);
    const [, , orphan] = world.sandbox.frameflow.keys();
    const { versions } = await world.credential();
    expect(versions.map(({ state }) => state).toSorted()).toEqual(['current', 'orphaned', 'retiring']);
    world.pagerduty.expectTriggered('key-orphaned');
    const [alert] = await world.alerts('key-orphaned');
    expect(alert?.evidence.mintedAt).toBe(
      new Date(orphan?.createdAt ?? 0).toISOString().replace('.000Z', 'Z'),
    );
    await expectToRecover(world);
  });

  test('a connection cut before the mint loses nothing and tells nothing', async () => {
    const world = await nearlyDue({ idempotency: false });
    await minutesOf(15, world, { kind: 'drop-before' }, 1);
    expectMinted(world, 1);
    await expectAlertsOver(world, ['rotation-completed']);
  });
});

test('a key of the wrong form is never published; a person is told; a good one is taken once there is one', async () => {
  const world = await nearlyDue();
  await minutesOf(15, world, { kind: 'wrong-key-form' });
  expect((await world.rotation()).state).toBe('attention');
  world.pagerduty.expectTriggered('rotation-attention');
  expect(JSON.stringify(world.sandbox.slack.messages())).not.toContain('FF-LIVE');
  // The provider answers every repeat of a call with the same key; after 23 hours another call is made.
  await world.stop();
  await world.advance('23h');
  await world.start();
  await expectToRecover(world);
  world.pagerduty.expectResolved('rotation-attention');
  world.pagerduty.expectTriggered('key-orphaned');
});

test('a fresh key that nodes learn of one after the other is published when all know it', async () => {
  const world = await nearlyDue({ propagationMs: 30_000, nodes: 3 });
  await world.until(async () => (await world.rotation().catch(() => null))?.state === 'overlap', '10m');
  const rotation = await world.rotation();
  expect(world.time - (rotation.mintedAt ?? 0)).toBeGreaterThanOrEqual(30_000);
  await world.file.expectVersion(2);
  await expectAlertsOver(world, ['rotation-completed']);
});
