import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { refuseCurrent } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

/** A world whose fresh keys are never accepted, but those named. */
function rejecting(...accepted: string[]): World {
  const world = World.managing();
  world.provider.tests = (value) =>
    value === 'first' || accepted.includes(value) ? null : failure('rejected', 'invalid_key');
  world.rotate();
  return world;
}

const mintedAt = (world: World) => world.provider.calls.map(({ at }) => Math.round((at - START) / MINUTE));

test('a key that is never accepted gets a successor from the same rotation, a quarter of an hour later', () => {
  const world = rejecting('value-of-key_3');
  world.advance('14m');
  expect([mintedAt(world), world.open?.state]).toEqual([[0], 'attention']);
  world.advance('3m');
  expect([mintedAt(world), world.history, world.open?.mints]).toEqual([[0, 15], ['overlap'], 2]);
  expect([world.versions, world.shelf('vault').value]).toEqual([
    ['3 current', '2 unused', '1 retiring'],
    'value-of-key_3',
  ]);
  expect(world.alarms).toEqual([]);
});

test('further mints are spaced: each waits twice as long as the one before', () => {
  const world = rejecting();
  world.advance('10h');
  const gaps = mintedAt(world).map((at, index, all) => at - (all[index - 1] ?? 0));
  expect(gaps).toEqual([0, 15, 30, 60, 120, 240]);
});

test('the old key stays current all the while, and nothing that was not accepted is published', () => {
  const world = rejecting();
  world.advance('10h');
  expect([world.current.keyId, world.shelves.map(({ value }) => value)]).toEqual([
    'key_1',
    ['first', 'first'],
  ]);
  expect(world.alarms).toEqual(['rotation-attention critical']);
});

test('each key that was given up is told, once, with what to do about it', () => {
  const world = rejecting();
  world.advance('2h');
  const told = world.told.flatMap(({ action }) => action?.match(/Delete (key_\d+)/)?.[1] ?? []);
  expect(told).toEqual(['key_2', 'key_3', 'key_4']);
});

test.each([
  [75, 2],
  [74, 1],
])(
  'with an overlap of %d min there are %d mints: a key of the last hour could not be everywhere in time',
  (minutes, mints) => {
    const world = World.managing();
    world.provider.overlap = minutes * MINUTE;
    world.provider.tests = (value) => (value === 'first' ? null : failure('rejected'));
    world.rotate();
    world.advance((minutes - 1) * MINUTE);
    expect(world.provider.calls).toHaveLength(mints);
  },
);

test('a key that is accepted late is used, and no further one is minted', () => {
  const world = World.managing();
  world.provider.propagation = 10 * MINUTE;
  world.rotate();
  world.advance('1h');
  expect([world.history, world.provider.calls.length, world.alarms]).toEqual([['overlap'], 1, []]);
});

test('a provider that is down while a key settles says nothing of the key: no further one is minted', () => {
  const world = World.managing();
  world.provider.tests = (value) => (value === 'first' ? null : failure('retryable'));
  world.rotate();
  world.advance('5h');
  expect([world.open?.state, world.provider.calls.length]).toEqual(['attention', 1]);
});

test('the overlap of the old key counts from the first of the mints', () => {
  const world = rejecting('value-of-key_3');
  world.advance('20m');
  expect(world.open?.overlapEndsAt).toBe(START + 3 * DAY);
  world.advance('3d');
  expect(world.versions).toEqual(['3 current', '2 unused', '1 retired']);
});

test('the first of its keys is no orphan for the second’s answer', () => {
  const world = rejecting('value-of-key_3');
  world.advance('20m');
  world.readLog();
  expect([world.count('key-orphaned'), world.count('foreign-mint')]).toEqual([0, 0]);
});

describe('a further mint', () => {
  test('whose answer is lost is repeated as any', () => {
    const world = rejecting('value-of-key_3');
    world.provider.mints = ({ count }) => (count === 2 ? 'lost' : null);
    world.advance('30m');
    expect([world.current.keyId, world.provider.keys.size]).toEqual(['key_3', 3]);
  });

  test('that is refused leaves a rotation that is still told', () => {
    const world = rejecting('value-of-key_3');
    world.provider.mints = () => failure('permanent');
    world.advance('3h');
    expect([world.history[0], world.current.keyId]).toEqual(['failed', 'key_1']);
    // One page: the rotation that had waited for its key has ended.
    expect(world.alarms).toEqual(['rotation-failed critical']);
    world.provider.mints = () => null;
    world.advance('2d');
    expect(world.shelf('vault').value).toBe(`value-of-${world.current.keyId}`);
    expect(world.current.keyId).not.toBe('key_1');
    expect(world.alarms).toEqual([]);
  });

  test('waits for a store as any mint does, but for no more than one that can be written', () => {
    const world = rejecting('value-of-key_3');
    world.shelf('vault').fault = (now) => (now < START + 5 * HOUR ? failure('retryable') : null);
    world.advance('30m');
    expect(world.shelf('file').value).toBe('value-of-key_3');
  });

  test('after an unused key began to work is not what a refused old key waits for', () => {
    const world = rejecting();
    world.advance('17m');
    expect(world.versions).toEqual(['3 pending', '2 unused', '1 current']);
    world.provider.tests = (value) => (value === 'value-of-key_2' ? null : failure('rejected'));
    world.provider.mints = () => failure('rejected');
    world.advance('40m');
    refuseCurrent(world);
    world.advance('1h');
    expect([world.record.state, world.shelf('vault').value]).toEqual(['managed', 'value-of-key_2']);
  });
});
