import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../src/model/index.ts';
import { attempt, look, order } from '../support/orders.ts';
import { CREDENTIAL } from '../support/settings.ts';
import { makeWorld, type World } from '../support/world.ts';

const PATH = `/v1/credentials/${CREDENTIAL}/rollback`;

async function overlap(): Promise<{ readonly world: World; readonly mintedAt: number }> {
  const world = await makeWorld({ every: 2 * HOUR });
  await order(world, 'rotate');
  await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
  return { world, mintedAt: (await world.rotation()).mintedAt ?? 0 };
}

async function expectEverywhere(world: World, version: number, value: string | undefined): Promise<void> {
  for (const place of [world.vault, world.aws, world.file]) {
    await place.expectVersion(version);
    expect((await place.held())?.value).toBe(value);
  }
}

describe('within the overlap', () => {
  test('`rollback` publishes the previous version again, and at 80 % of the overlap the newer one comes back', async () => {
    const { world, mintedAt } = await overlap();
    const [first, , second] = world.sandbox.frameflow.keys();
    const until = mintedAt + 0.8 * 72 * HOUR;
    const answer = await order(world, 'rollback', { reason: 'the new key is refused by the CDN' });
    expect(answer.rollback).toEqual({ until: new Date(until).toISOString().replace('.000Z', 'Z') });
    await world.advance('5m');
    await expectEverywhere(world, 3, first?.value);
    expect((await look(world, `/v1/credentials/${CREDENTIAL}`)).versions).toMatchObject([
      { number: 3, keyId: first?.id, state: 'current' },
      { number: 2, keyId: second?.id, state: 'retiring' },
    ]);

    await world.advance(until - 5 * HOUR - world.time);
    expect(world.slack.expectTold('rollback-ends').headline).toContain(second?.id);
    await expectEverywhere(world, 3, first?.value);
    await world.advance(until + 5 * MINUTE - world.time);
    await expectEverywhere(world, 4, second?.value);
    expect(world.slack.counts()['rollback-ends resolved']).toBe(1);

    await world.advance('2d');
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['completed']);
    expect((await world.credential()).versions.map(({ state }) => state)).toEqual(['current', 'retired']);
    expect(await world.alerts('publish-failed')).toEqual([]);
    world.pagerduty.expectQuiet();
  });

  test('a person can say until when', async () => {
    const { world } = await overlap();
    const [first, , second] = world.sandbox.frameflow.keys();
    await order(world, 'rollback', { until: '3h' });
    await world.advance('2h');
    await expectEverywhere(world, 3, first?.value);
    await world.advance('65m');
    await expectEverywhere(world, 4, second?.value);
    expect(world.slack.counts()['rollback-ends']).toBe(1);
  });

  test('an emergency ends it: a third key takes the place of both, and the one that nobody wanted is told', async () => {
    const { world } = await overlap();
    await order(world, 'rollback');
    await world.advance('1h');
    await order(world, 'rotate', { emergency: true });
    await world.advance('5m');
    const keys = world.sandbox.frameflow.keys();
    await expectEverywhere(world, 4, keys.at(-1)?.value);
    const [unwanted] = await world.alerts('rotation-failed');
    expect(unwanted).toMatchObject({
      evidence: { keyId: keys.at(-2)?.id },
      action: expect.stringContaining('Delete'),
    });
    await world.advance('4d');
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['superseded', 'completed']);
  });

  test('and a restart in the middle of it changes nothing', async () => {
    const { world, mintedAt } = await overlap();
    const [first, , second] = world.sandbox.frameflow.keys();
    await order(world, 'rollback');
    await world.advance('1h');
    await world.stop();
    await world.advance('5h');
    await world.start();
    await expectEverywhere(world, 3, first?.value);
    await world.advance(mintedAt + 0.8 * 72 * HOUR + 5 * MINUTE - world.time);
    await expectEverywhere(world, 4, second?.value);
  });
});

describe('it is refused', () => {
  test('where there is no overlap, once 80 % of it have passed, and twice', async () => {
    const { world, mintedAt } = await overlap();
    await order(world, 'rollback', { until: '2h' });
    expect(await attempt(world, PATH)).toMatchObject({
      status: 409,
      json: { type: expect.stringContaining('not-possible') },
    });
    await world.advance(mintedAt + 0.81 * 72 * HOUR - world.time);
    expect(await attempt(world, PATH)).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('80 %') },
    });
    await world.advance('1d');
    expect(await attempt(world, PATH)).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('nothing to go back to') },
    });
  });

  test('where the previous key is known to others', async () => {
    const { world } = await overlap();
    await order(world, 'compromise', { keyId: world.sandbox.frameflow.firstKey.id });
    expect(await attempt(world, PATH)).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('compromised') },
    });
  });
});
