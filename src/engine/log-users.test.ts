import { describe, expect, test } from 'vitest';
import type { ManagedKey } from '../detectors/contract.ts';
import { event } from '../detectors/testing/traffic.ts';
import { type KeyUser, type LogEvent, MINUTE } from '../model/index.ts';
import { keysInUse, movesOf, usersIn, usersToChanges } from './log-users.ts';

const NOW = Date.UTC(2026, 9, 1, 9);

function key(keyId: string, state: ManagedKey['state'], credential = 'prod'): ManagedKey {
  return { keyId, credential, state, expiresAt: null, compromisedAt: null };
}

const MOVES = movesOf([
  key('key_old', 'retiring'),
  key('key_stolen', 'compromised'),
  key('key_new', 'current'),
  key('key_gone', 'retired'),
  key('key_still', 'current', 'batch'),
]);

let serial = 0;
function call(keyId: string, minute: number, over: Partial<LogEvent> = {}): LogEvent {
  serial += 1;
  return event({ id: `call-${serial}`, time: NOW + minute * MINUTE, keyId, ip: '203.0.113.7', ...over });
}

function user(keyId: string, lastSeen: number, over: Partial<KeyUser> = {}): KeyUser {
  const lastSeenAt = NOW + lastSeen * MINUTE;
  return {
    keyId,
    ip: '203.0.113.7',
    userAgent: 'footage/1.4',
    calls: 1,
    firstSeenAt: lastSeenAt,
    lastSeenAt,
    ...over,
  };
}

/** Whether the credential looks at once. */
function wakes(users: readonly KeyUser[], known: readonly KeyUser[] = []): boolean {
  return usersToChanges(users, known, MOVES, NOW).some(({ type }) => type === 'work.wake');
}

describe('the users of a page', () => {
  test('are counted by key, address and user agent, with their first and last times', () => {
    const events = [
      call('key_old', -3),
      call('key_old', -5),
      call('key_old', -4, { userAgent: null }),
      call('key_new', -2),
      call('key_stolen', -1, { ip: '192.0.2.9' }),
    ];
    const found = usersIn(events, MOVES, NOW).map(({ keyId, ip, userAgent, calls, ...times }) => [
      [keyId, ip, userAgent, calls].join(' '),
      (times.firstSeenAt - NOW) / MINUTE,
      (times.lastSeenAt - NOW) / MINUTE,
    ]);
    expect(found.toSorted()).toEqual([
      ['key_new 203.0.113.7 footage/1.4 1', -2, -2],
      ['key_old 203.0.113.7  1', -4, -4],
      ['key_old 203.0.113.7 footage/1.4 2', -5, -3],
      ['key_stolen 192.0.2.9 footage/1.4 1', -1, -1],
    ]);
  });

  test('are looked for only where a credential has a superseded key that may still work', () => {
    const events = ['key_gone', 'key_still', 'key_unheard'].map((keyId) => call(keyId, -1));
    expect(usersIn(events, MOVES, NOW)).toEqual([]);
    expect(movesOf([key('key_new', 'current'), key('key_gone', 'retired')])).toEqual([]);
  });

  test('are those whose key was accepted, whatever they asked for, and not Keywarden', () => {
    const events = [
      ...[401, 403, 503].map((status) => call('key_old', -1, { status })),
      call('key_old', -1, { userAgent: 'keywarden' }),
    ];
    expect(usersIn(events, MOVES, NOW)).toEqual([]);
    expect(usersIn([call('key_old', -1, { status: 404 })], MOVES, NOW)).toHaveLength(1);
  });

  test('are never seen ahead of our clock', () => {
    expect(usersIn([call('key_old', 90)], MOVES, NOW)).toMatchObject([{ firstSeenAt: NOW, lastSeenAt: NOW }]);
  });

  test('are at most a hundred of each key, those seen last', () => {
    const events = Array.from({ length: 150 }, (_, index) =>
      call('key_old', index - 150, { ip: `203.0.113.${index}` }),
    );
    const users = usersIn([...events, call('key_new', -1)], MOVES, NOW);
    const old = users.filter(({ keyId }) => keyId === 'key_old').map(({ ip }) => ip);
    expect([old.length, old[0], old.at(-1)]).toEqual([100, '203.0.113.149', '203.0.113.50']);
    expect(users).toHaveLength(101);
  });
});

describe('what the state knows is asked', () => {
  test('only where the new key is in use', () => {
    expect(keysInUse([user('key_old', -1)], MOVES)).toEqual([]);
    expect(keysInUse([user('key_new', -1)], MOVES)).toEqual(['key_old', 'key_stolen', 'key_new']);
  });
});

describe('a credential looks at once', () => {
  test('where a key that it has superseded was used', () => {
    expect(usersToChanges([user('key_stolen', -1)], [], MOVES, NOW)).toEqual([
      { type: 'user.add', user: user('key_stolen', -1) },
      { type: 'work.wake', kind: 'credential', id: 'prod', at: NOW },
    ]);
  });

  test('where a user of the old key is seen with the new one for the first time since', () => {
    expect(wakes([user('key_new', -1)], [user('key_old', -5)])).toBe(true);
    expect(wakes([user('key_new', -1)], [user('key_old', -5), user('key_new', -9)])).toBe(true);
  });

  test('and not where that was known, where it came before, or where it is somebody else', () => {
    expect(wakes([user('key_new', -1)], [user('key_old', -5), user('key_new', -2)])).toBe(false);
    expect(wakes([user('key_new', -9)], [user('key_old', -5)])).toBe(false);
    expect(wakes([user('key_new', -1)], [user('key_old', -5, { ip: '203.0.113.8' })])).toBe(false);
    expect(wakes([user('key_new', -1)], [user('key_old', -5, { userAgent: null })])).toBe(false);
    expect(wakes([user('key_new', -1)])).toBe(false);
  });
});
