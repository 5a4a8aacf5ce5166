import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, Secret } from '../model/index.ts';
import { fold } from './fold.ts';
import type { Taken } from './situation.ts';
import { START, World } from './testing/world.ts';

describe('a new key', () => {
  test('is a pending version with the next number, and not yet what destinations shall have', () => {
    const world = World.managing();
    world.rotate();
    expect(world.memory.snapshot().versions[0]).toMatchObject({
      number: 2,
      keyId: 'key_2',
      state: 'pending',
      origin: 'minted',
      fingerprint: 'print of value-of-key_2',
      createdAt: START,
      expiresAt: null,
    });
    expect(world.open).toMatchObject({ state: 'verifying', mintedAt: START, answeredAt: START });
    expect(world.current.number).toBe(1);
    expect(world.shelves.map(({ value }) => value)).toEqual(['first', 'first']);
  });

  test('makes the provider’s word the end of the overlap, whatever the configuration expects', () => {
    const world = World.managing({ policy: { overlap: DAY } });
    world.provider.overlap = 5 * DAY;
    world.rotate();
    expect(world.open?.overlapEndsAt).toBe(START + 5 * DAY);
    expect(world.current.expiresAt).toBe(START + 5 * DAY);
    world.advance('119h');
    expect(world.versions).toEqual(['2 current', '1 retiring']);
    world.advance('1h');
    expect(world.versions).toEqual(['2 current', '1 retired']);
  });

  test('gets a number greater than any before it, lost ones included', () => {
    const world = World.managing();
    world.provider.remembers = 0;
    for (const fault of ['lost', null, 'lost', null] as const) {
      world.provider.mints = ({ count }) => (fault === 'lost' && count % 2 === 1 ? 'lost' : null);
      world.advance('5d');
      world.rotate();
    }
    world.advance('5d');
    const numbers = world.memory.snapshot().versions.map(({ number }) => number);
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(world.current.number).toBe(numbers[0]);
  });
});

describe('where the account has no memory of Idempotency-Keys', () => {
  function afterLostMint(): World {
    const world = World.managing();
    world.provider.remembers = 0;
    world.provider.mints = ({ count }) => (count === 1 ? 'lost' : null);
    world.rotate();
    world.advance('1m');
    return world;
  }

  test('a mint whose answer was lost leaves an orphaned version, told with its time and signer', () => {
    const world = afterLostMint();
    expect(world.versions).toEqual(['3 current', '2 orphaned', '1 retiring']);
    expect(world.memory.snapshot().versions[1]).toMatchObject({
      keyId: null,
      fingerprint: null,
      createdAt: START,
    });
    const orphan = [...world.memory.versions.values()].find(({ state }) => state === 'orphaned');
    expect(world.alarms).toEqual([`key-orphaned ${orphan?.id} critical`]);
    expect(world.alerts.get(`key-orphaned ${orphan?.id}`)).toMatchObject({
      deadline: START + 3 * DAY,
      evidence: { signedBy: 'key_1', mintedAt: '2026-10-01T09:00:00Z', keyInUse: 'key_3' },
    });
    expect([...world.memory.values.keys()]).not.toContain(world.memory.snapshot().versions[1]?.id);
  });

  test('the overlap counts from the lost mint', () => {
    expect(afterLostMint().open).toMatchObject({ overlapEndsAt: START + 3 * DAY, mintedAt: START + 1_000 });
  });

  test('one orphan is told once, though the same old key signs again', () => {
    const world = World.managing();
    world.provider.remembers = 0;
    world.provider.mints = ({ count }) => (count === 1 ? 'lost' : null);
    world.provider.propagation = HOUR;
    world.rotate();
    world.advance('5m');
    expect(world.open?.state).toBe('attention');
    world.rotate({ emergency: true });
    expect(world.versions).toEqual(['4 pending', '3 unused', '2 orphaned', '1 current']);
    expect(world.count('key-orphaned')).toBe(1);
  });

  test('a mint that somebody else made with our key is told as well', () => {
    const world = World.managing();
    world.provider.rotate('first', 'somebody-else', world.now);
    world.advance('1d');
    world.rotate();
    expect(world.versions).toEqual(['3 pending', '2 orphaned', '1 current']);
    expect(world.count('key-orphaned')).toBe(1);
  });
});

test('an answer repeated under its Idempotency-Key is no orphan, however late it comes', () => {
  const world = World.managing();
  world.provider.mints = ({ at }) => (at < START + 20 * HOUR ? 'lost' : null);
  world.rotate();
  world.advance('21h');
  expect(world.versions).toEqual(['2 current', '1 retiring']);
  expect(world.count('key-orphaned')).toBe(0);
});

test.each([
  [0, false],
  [500, false],
  [501, true],
])('a key made %d ms after its signer was first rotated: orphan %s', (apart, orphaned) => {
  const world = World.managing();
  world.crashes = (action) => action.do === 'take';
  world.rotate();
  const rotation = world.last;
  const taken: Taken = {
    value: Secret.from('new'),
    fingerprint: 'print of new',
    keyId: 'key_new',
    createdAt: START + 10 * MINUTE,
    previousRotatedAt: START + 10 * MINUTE - apart,
    previousExpiresAt: START + 3 * DAY,
  };
  const { signals } = fold(
    world.situation(),
    { do: 'take', rotation },
    { of: 'take', taken },
    world.now,
    () => 'id',
  );
  expect(signals.some(({ kind }) => kind === 'key-orphaned')).toBe(orphaned);
});
