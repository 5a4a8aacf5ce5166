import { describe, expect, test } from 'vitest';
import type { KeyUser } from '../model/index.ts';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { goBack } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World, type WorldOptions } from './testing/world.ts';

const END = START + 3 * DAY;

/** A world in an overlap that ends at END; people are warned a day and six hours before. */
function inOverlap(options: WorldOptions = {}): World {
  const world = World.managing(options);
  world.rotate();
  world.advance('1m');
  return world;
}

/** The log shows a call with that key now. */
function seen(world: World, keyId: string, ip = '198.51.100.7', userAgent: string | null = 'batch/1'): void {
  const same = (user: KeyUser) => user.keyId === keyId && user.ip === ip && user.userAgent === userAgent;
  const before = world.users.find(same);
  const user: KeyUser = {
    keyId,
    ip,
    userAgent,
    calls: (before?.calls ?? 0) + 1,
    firstSeenAt: before?.firstSeenAt ?? world.now,
    lastSeenAt: world.now,
  };
  world.users = [...world.users.filter((other) => !same(other)), user];
  world.wake();
}

/** Calls with that key every hour until then. */
function calling(world: World, keyId: string, until: number): void {
  while (world.now + HOUR <= until) {
    world.advance('1h');
    seen(world, keyId);
  }
  world.advance(until - world.now);
}

const straggling = (world: World) => world.alarms.filter((alarm) => alarm.startsWith('old-key-in-use'));

test('who uses the old key a day before it ends is named, with how often, from where, and when last', () => {
  const world = inOverlap();
  calling(world, 'key_1', END - DAY);
  expect(straggling(world)).toEqual(['old-key-in-use 1d warning']);
  expect(world.alerts.get('old-key-in-use 1d')).toMatchObject({
    title: 'frameflow-prod: 1 still use key_1, which ends in 1d',
    deadline: END,
    evidence: { keyId: 'key_1', users: 1, ips: ['198.51.100.7'] },
  });
  expect(world.alerts.get('old-key-in-use 1d')?.evidence.seen).toEqual([
    expect.stringMatching(/^198\.51\.100\.7 batch\/1: [12] calls an hour, last at 2026-10-03T0/),
  ]);
});

test('nobody is named earlier, nor where nobody uses it', () => {
  const used = inOverlap();
  calling(used, 'key_1', END - DAY - 1);
  expect(straggling(used)).toEqual([]);
  const unused = inOverlap();
  unused.advance('3d');
  expect(unused.count('old-key-in-use')).toBe(0);
});

test('each of the times is an alert of its own, one open at a time, and the overlap’s end ends the last', () => {
  const world = inOverlap();
  calling(world, 'key_1', END - 6 * HOUR - 1);
  expect(straggling(world)).toEqual(['old-key-in-use 1d warning']);
  calling(world, 'key_1', END - HOUR);
  expect(straggling(world)).toEqual(['old-key-in-use 6h warning']);
  calling(world, 'key_1', END);
  expect([straggling(world), world.conditions('old-key-in-use')]).toEqual([[], ['1d', '6h']]);
});

test('who has moved to the new key ends the alert, at once where the log shows it', () => {
  const world = inOverlap();
  calling(world, 'key_1', END - 20 * HOUR);
  expect(straggling(world)).toEqual(['old-key-in-use 1d warning']);
  world.advance('1m');
  seen(world, 'key_2');
  expect(straggling(world)).toEqual([]);
});

test('another application at the same address has not moved with it', () => {
  const world = inOverlap();
  calling(world, 'key_1', END - 20 * HOUR);
  seen(world, 'key_1', '198.51.100.7', 'report/2');
  world.advance('1m');
  seen(world, 'key_2');
  expect(world.alerts.get('old-key-in-use 1d')?.title).toContain('1 still use key_1');
});

test('of two, the alert stays until the last has moved', () => {
  const world = inOverlap();
  calling(world, 'key_1', END - 20 * HOUR);
  seen(world, 'key_1', '203.0.113.9');
  expect(world.alerts.get('old-key-in-use 1d')?.title).toContain('2 still use key_1');
  world.advance('1m');
  seen(world, 'key_2');
  expect(straggling(world)).toHaveLength(1);
  seen(world, 'key_2', '203.0.113.9');
  expect(straggling(world)).toEqual([]);
});

test('who moved and comes back to the old key is named again', () => {
  const world = inOverlap();
  calling(world, 'key_1', END - 20 * HOUR);
  world.advance('1m');
  seen(world, 'key_2');
  world.advance('1h');
  seen(world, 'key_1');
  expect(straggling(world)).toEqual(['old-key-in-use 1d warning']);
});

test('who has not been seen for a day has vanished, and who comes back after that is named', () => {
  const world = inOverlap({ policy: { warnBefore: [2 * DAY, 6 * HOUR] } });
  calling(world, 'key_1', END - 2 * DAY);
  expect(straggling(world)).toEqual(['old-key-in-use 2d warning']);
  world.advance('25h');
  world.wake();
  expect(straggling(world)).toEqual([]);
  seen(world, 'key_1');
  expect(straggling(world)).toEqual(['old-key-in-use 2d warning']);
});

test('who vanished resolves the alert also where nothing else happens', () => {
  const world = inOverlap({ policy: { warnBefore: [2 * DAY] } });
  calling(world, 'key_1', END - 2 * DAY);
  world.advance('30h');
  expect(straggling(world)).toEqual([]);
});

test('who reads a destination that caches is no straggler before it has cached long enough', () => {
  const world = inOverlap({ consumerLag: 2 * DAY + 10 * HOUR });
  calling(world, 'key_1', END - 20 * HOUR);
  expect(straggling(world)).toEqual([]);
  calling(world, 'key_1', END - 10 * HOUR);
  expect(straggling(world)).toEqual(['old-key-in-use 1d warning']);
});

test('nobody is a straggler while a destination still lacks the new key, or while it is away on purpose', () => {
  const world = World.managing();
  world.provider.mints = () => {
    world.shelf('file').fault = (now) => (now > START && now < END ? failure('retryable') : null);
    return null;
  };
  world.rotate();
  calling(world, 'key_1', END - 10 * HOUR);
  expect(straggling(world)).toEqual([]);
  const away = inOverlap();
  calling(away, 'key_1', START + 50 * HOUR);
  expect(straggling(away)).toEqual(['old-key-in-use 1d warning']);
  expect(goBack(away)).toBeNull();
  expect(straggling(away)).toEqual([]);
});

test('what the log shows late is no use of the old key', () => {
  const world = inOverlap();
  world.advance('4m');
  seen(world, 'key_1');
  world.advance(END - DAY - world.now);
  expect(straggling(world)).toEqual([]);
});

describe('the alert ends with the rotation', () => {
  test('where an emergency takes its place', () => {
    const world = inOverlap();
    calling(world, 'key_1', END - 20 * HOUR);
    world.rotate({ emergency: true });
    expect(straggling(world)).toEqual([]);
  });

  test('where a destination lacked the new key to the end', () => {
    const world = inOverlap();
    calling(world, 'key_1', END - 5 * HOUR);
    world.shelf('file').fault = () => failure('retryable');
    world.advance('6h');
    expect(straggling(world)).toEqual([]);
  });
});

test('a hundred who straggle are counted, and ten are named', () => {
  const world = inOverlap();
  world.advance(END - DAY + MINUTE - world.now);
  for (let host = 1; host <= 100; host += 1) seen(world, 'key_1', `198.51.100.${host}`);
  const evidence = world.alerts.get('old-key-in-use 1d')?.evidence;
  expect([evidence?.users, Array.isArray(evidence?.ips) && evidence.ips.length]).toEqual([100, 10]);
});
