import { expect, test } from 'vitest';
import type { Verdict } from '../model/index.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { failure, type MintFault } from './testing/provider.ts';
import { Random } from './testing/random.ts';
import { START, World } from './testing/world.ts';

/*
 * Random histories: any effect may fail in any way, the process may die after any effect, anybody may ask for
 * anything at any time. The world itself holds every commit and every mint against `testing/invariants.ts`.
 */

const HISTORIES = 2_000;
const BATCHES = 20;

const VERDICTS: readonly Verdict[] = ['retryable', 'permanent', 'unknown', 'rejected'];
const STEPS: readonly number[] = [MINUTE, HOUR, 6 * HOUR, 4 * DAY, 40 * DAY];

function faultyWorld(random: Random): { world: World; repair: () => void } {
  let share = random.unit() * 0.6;
  const world = new World({
    policy: {
      every: random.of([7, 30, 90]) * DAY,
      first: random.of(['scheduled', 'now']),
      jitter: random.of([0, 6 * HOUR]),
    },
    spread: random.unit(),
    optional: ['backup'],
  });
  const { provider } = world;
  const fault = () => failure(random.of(VERDICTS), 'random', random.chance(1 / 3) ? 90 * SECOND : undefined);
  provider.remembers = random.of([0, 24 * HOUR]);
  provider.propagation = random.upTo(30 * SECOND);
  provider.mints = () => (random.chance(share) ? random.of<MintFault>(['lost', 'garbage', fault()]) : null);
  provider.tests = () => (random.chance(share) ? fault() : null);
  for (const shelf of world.shelves) shelf.fault = () => (random.chance(share) ? fault() : null);
  const outage = random.chance(0.3) ? START + random.upTo(30 * DAY) : Number.POSITIVE_INFINITY;
  world.shelf('backup').fault = (now) => {
    if (share > 0 && now >= outage && now < outage + 8 * DAY) return failure('retryable', 'outage', HOUR);
    return random.chance(share) ? fault() : null;
  };
  world.crashes = () => random.chance(share / 2);
  return {
    world,
    repair: () => {
      share = 0;
    },
  };
}

/** Those who read a destination that can be written most of the time. */
function expectServed(world: World): void {
  for (const { value } of ['vault', 'file'].map((id) => world.shelf(id))) {
    if (value !== null)
      expect(world.provider.alive(value, world.now), 'the application holds a live key').toBe(true);
  }
}

/** Lives through one history and says what was left of it. */
function live(seed: number): World {
  const random = new Random(seed);
  const { world, repair } = faultyWorld(random);
  world.provider.issue('first', START);
  world.outside.configured = 'first';
  world.wake();
  for (let step = 0; step < 8; step += 1) {
    world.advance(random.upTo(random.of(STEPS)));
    if (random.chance(0.2)) world.sleep(`${random.upTo(12)}h`);
    if (random.chance(0.3)) world.rotate({ emergency: random.chance(0.4) });
    expectServed(world);
  }
  repair();
  world.advance(10 * DAY);
  return world;
}

test.each(Array.from({ length: BATCHES }, (_, batch) => batch))(
  'whatever happens, no law is broken, and once the faults end all is well (batch %d)',
  (batch) => {
    const size = HISTORIES / BATCHES;
    for (let seed = batch * size; seed < (batch + 1) * size; seed += 1) {
      try {
        expectWell(live(seed));
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  },
);

function expectWell(world: World): void {
  const { record, open, queued, destinations } = world.memory.snapshot();
  expect([record.state, queued, open?.state ?? 'overlap']).toEqual(['managed', null, 'overlap']);
  const value = world.memory.values.get(world.current.id)?.reveal() ?? '';
  expect(world.provider.alive(value, world.now), 'the current key is alive').toBe(true);
  for (const shelf of world.shelves) expect(shelf.value).toBe(value);
  for (const { state, versionId } of destinations)
    expect([state, versionId]).toEqual(['published', world.current.id]);
  for (const { state, expiresAt } of world.memory.versions.values()) {
    if (state === 'retiring') expect(expiresAt).toBeGreaterThan(world.now);
  }
  // An orphan is for a person to deal with; all else that was told has ended.
  expect(world.alarms.filter((alarm) => !alarm.startsWith('key-orphaned'))).toEqual([]);
  const completed = world.told
    .filter(({ kind }) => kind === 'rotation-completed')
    .map(({ condition }) => condition);
  expect(new Set(completed).size).toBe(completed.length);
}

test('the same seed lives the same history', () => {
  const told = [7, 7, 8].map((seed) => JSON.stringify(live(seed).memory.audits));
  expect(told[0]).toBe(told[1]);
  expect(told[0]).not.toBe(told[2]);
});

test('the histories are eventful: every state and every kind of alert of a rotation occurs', () => {
  const states = new Set<string>();
  const kinds = new Set<string>();
  const acts = new Set<string>();
  for (let seed = 0; seed < 300; seed += 1) {
    const world = live(seed);
    for (const state of world.history) states.add(state);
    for (const version of world.memory.versions.values()) states.add(version.state);
    for (const { kind } of world.told) kinds.add(kind);
    for (const { action } of world.memory.audits) acts.add(action);
  }
  expect(['rotation.attention', 'rotation.superseded'].filter((action) => !acts.has(action))).toEqual([]);
  expect([...states].sort()).toEqual(
    [
      'completed',
      'current',
      'failed',
      'orphaned',
      'overlap',
      'retired',
      'retiring',
      'superseded',
      'unused',
    ].sort(),
  );
  expect([...kinds].sort()).toEqual(
    [
      'credential-rejected',
      'key-orphaned',
      'publish-failed',
      'rotation-attention',
      'rotation-completed',
      'rotation-failed',
      'store-unreachable',
    ].sort(),
  );
});
