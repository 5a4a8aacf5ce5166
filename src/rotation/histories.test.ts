import { expect, test } from 'vitest';
import { History } from './testing/history.ts';
import { Random } from './testing/random.ts';
import type { World } from './testing/world.ts';

/*
 * Random histories: any effect may fail in any way, the process may die after any effect, anybody may ask for
 * anything at any time. The world itself holds every commit and every effect against `testing/invariants.ts`.
 */

const HISTORIES = 1_600;
const GUIDED = 400;
const BATCHES = 40;

/** Alerts of which only one may be open at a time: each stage takes the place of the one before. */
const STAGED: readonly string[] = ['old-key-in-use', 'rotation-due', 'inactivity-expiry'];

/** Those who read a destination that can be written most of the time. */
function expectServed(history: History): void {
  const { world } = history;
  for (const { value } of ['vault', 'file'].map((id) => world.shelf(id))) {
    if (value !== null && !history.isExcused(value))
      expect(world.provider.alive(value, world.now), 'the application holds a live key').toBe(true);
  }
}

function expectStaged({ alerts }: World): void {
  const kinds = [...alerts.values()].map(({ kind }) => kind).filter((kind) => STAGED.includes(kind));
  expect(new Set(kinds).size, 'one reminder at a time').toBe(kinds.length);
}

/** Lives through one history and says what was left of it. */
function live(seed: number, mode: 'automatic' | 'guided' = 'automatic'): World {
  const history = new History(new Random(seed), mode);
  history.begin();
  for (let step = 0; step < 8; step += 1) {
    history.step();
    expectServed(history);
    expectStaged(history.world);
  }
  history.heal();
  return history.world;
}

function liveAll(from: number, to: number, mode: 'automatic' | 'guided'): void {
  for (let seed = from; seed < to; seed += 1) {
    try {
      expectWell(live(seed, mode));
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}

const batches = Array.from({ length: BATCHES }, (_, batch) => batch);

test.each(batches)(
  'whatever happens, no law is broken, and once the faults end all is well (batch %d)',
  (batch) => {
    const size = HISTORIES / BATCHES;
    liveAll(batch * size, (batch + 1) * size, 'automatic');
  },
);

test.each(batches.slice(0, 10))('the same holds where a person makes the keys (batch %d)', (batch) => {
  const size = GUIDED / 10;
  liveAll(batch * size, (batch + 1) * size, 'guided');
});

function expectWell(world: World): void {
  const { record, open, queued, destinations, mints } = world.memory.snapshot();
  expect([record.state, queued, open?.state ?? 'overlap', mints]).toEqual(['managed', null, 'overlap', []]);
  const value = world.memory.values.get(world.current.id)?.reveal() ?? '';
  expect(world.provider.alive(value, world.now), 'the current key is alive').toBe(true);
  for (const shelf of world.shelves) expect(shelf.value).toBe(value);
  for (const { state, versionId } of destinations)
    expect([state, versionId]).toEqual(['published', world.current.id]);
  for (const { state, expiresAt } of world.memory.versions.values()) {
    if (state === 'retiring') expect(expiresAt).toBeGreaterThan(world.now);
  }
  expectAccounted(world);
  // What others hold is for a person to deal with; all else that was told has ended.
  expect(world.alarms.filter((alarm) => !/^(key-orphaned|foreign-mint)/.test(alarm))).toEqual([]);
  // What was gone back from arrives twice.
  const twice = world.memory.audits.filter(({ action }) => action === 'rotation.rolled-back');
  const completed = world.told
    .filter(({ kind }) => kind === 'rotation-completed')
    .filter(({ condition }) => !twice.some(({ detail }) => detail.rotation === condition))
    .map(({ condition }) => condition);
  expect(new Set(completed).size).toBe(completed.length);
}

/** Every key that was minted is one that we hold, or that somebody was told of. */
function expectAccounted(world: World): void {
  const known = new Set(world.memory.snapshot().versions.map(({ keyId }) => keyId));
  const foreign = new Set<string | null>(world.conditions('foreign-mint'));
  const minted = world.provider.log.map(({ mintedKeyId }) => mintedKeyId);
  expect(minted.filter((keyId) => !known.has(keyId) && !foreign.has(keyId))).toEqual([]);
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
  for (let seed = 0; seed < 100; seed += 1) {
    for (const world of [live(seed), live(seed, 'guided')]) {
      for (const state of world.history) states.add(state);
      for (const version of world.memory.versions.values()) states.add(version.state);
      for (const { kind } of world.told) kinds.add(kind);
      for (const { action } of world.memory.audits) acts.add(action);
    }
  }
  const wanted = [
    'rotation.attention',
    'rotation.superseded',
    'rotation.rolled-back',
    'rotation.rolled-forward',
    'rotation.retried',
    'version.compromised',
    'version.retired',
    'adoption.requested',
    'key.accepted-again',
    'destination.drifted',
    'mint.foreign',
  ];
  expect(wanted.filter((action) => !acts.has(action))).toEqual([]);
  expect([...states].sort()).toEqual(
    [
      'abandoned',
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
      'foreign-mint',
      'inactivity-expiry',
      'key-compromised',
      'key-orphaned',
      'old-key-in-use',
      'publish-failed',
      'rollback-ends',
      'rotation-attention',
      'rotation-completed',
      'rotation-due',
      'rotation-failed',
      'state-restored',
      'store-drift',
      'store-unreachable',
    ].sort(),
  );
});
