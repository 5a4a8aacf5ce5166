import { expect, test } from 'vitest';
import { DAY, HOUR, Secret } from '../../src/model/index.ts';
import { StateError } from '../../src/state/contract.ts';
import { CREDENTIAL } from '../support/settings.ts';
import { makeWorld, START, type World } from '../support/world.ts';

const minted = (world: World) => world.sandbox.frameflow.keys().length - 2;

/** Due tomorrow; the disk is full from the moment at which the provider has answered. */
async function fullAtTheAnswer(): Promise<World> {
  let full = false;
  const world: World = await makeWorld({
    rotation: { issuedAt: new Date(START - 89 * DAY).toISOString() },
    every: 6 * HOUR,
    killable: (boundary) => {
      if (boundary === 'after mint at frameflow' && !full) {
        full = true;
        world.killable.refusal = new StateError('state_full', 'the disk is full');
      }
      return false;
    },
  });
  world.sandbox.admin.changeSettings({ idempotency: false });
  await world.advance('25h');
  return world;
}

test('a key that was minted as the disk became full outlives the process, also where the provider forgets', async () => {
  const world = await fullAtTheAnswer();
  expect(minted(world)).toBe(1);
  world.kill();
  await world.start();
  await world.advance('10m');
  expect(minted(world)).toBe(1);
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(2);
  expect(await world.alerts('key-orphaned')).toEqual([]);
  expect(await world.daemon.engine.context.spool.load()).toEqual([]);
});

test('one that was minted before another configuration took over comes into the state without a restart', async () => {
  const world = await fullAtTheAnswer();
  const { engine } = world.daemon;
  const { ended } = await engine.handOver(AbortSignal.abort());
  await world.advance('1m');
  expect(await engine.context.spool.load()).toHaveLength(1);
  world.killable.refusal = null;
  await world.advance('10m');
  await ended;
  expect(await engine.context.spool.load()).toEqual([]);
  expect((await world.rotation()).answeredAt).not.toBeNull();
});

test('a process that is killed between the taking in and the clearing takes in the same key once', async () => {
  const world = await fullAtTheAnswer();
  const { spool } = world.daemon.engine.context;
  const [entry] = await spool.load();
  world.kill();
  await world.start();
  await world.advance('10m');
  if (entry === undefined) throw new Error('nothing was spooled');
  for (const again of ['while its rotation is open', 'after its end']) {
    await world.daemon.engine.context.spool.save(entry);
    world.kill();
    await world.start();
    await world.advance('4d');
    const { versions } = await world.credential();
    expect([again, versions.map(({ state }) => state)]).toEqual([again, ['current', 'retired']]);
    expect(await world.daemon.engine.context.spool.load()).toEqual([]);
  }
  expect(await world.alerts('key-orphaned')).toEqual([]);
});

test('a spooled key whose rotation the state does not know is kept as unused, and somebody is woken', async () => {
  const world = await makeWorld({ monitor: null, killable: true });
  const answer = (key: string) =>
    Secret.from(
      JSON.stringify({
        key,
        key_id: 'key_Stray1',
        created_at: '2026-10-01T08:00:00Z',
        previous_key: {
          key_id: 'key_Prev01',
          rotated_at: '2026-10-01T08:00:00Z',
          expires_at: '2026-10-04T08:00:00Z',
        },
      }),
    );
  const entry = { credential: CREDENTIAL, rotationId: 'unknown', at: world.time };
  const value = 'ff_live_stray0123456789abcdef';
  await world.daemon.engine.context.spool.save({ ...entry, answer: answer(value) });
  await world.restart();
  const { versions } = await world.credential();
  const unused = versions.find(({ state }) => state === 'unused');
  expect(unused).toMatchObject({ keyId: 'key_Stray1', origin: 'minted', number: 2 });
  expect((await world.state.versionValue(unused?.id ?? '')).reveal()).toBe(value);
  expect(world.pagerduty.expectTriggered('key-orphaned').summary).toContain('key_Stray1');
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(1);

  await world.daemon.engine.context.spool.save({ ...entry, answer: Secret.from('no JSON') });
  await world.restart();
  expect((await world.state.journalled('unknown')).map((kept) => kept.reveal())).toEqual(['no JSON']);
  expect(await world.alerts('key-orphaned')).toHaveLength(2);
  expect(await world.daemon.engine.context.spool.load()).toEqual([]);
});
