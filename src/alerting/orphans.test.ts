import { expect, test } from 'vitest';
import type { Raise } from '../model/index.ts';
import { type Configured, orphans } from './orphans.ts';
import { Memory, NOW, raise } from './testing/memory.ts';

const DESTINATION = 'vault:footage/frameflow#api_key';
const CONFIGURED: Configured = {
  credentials: { 'frameflow-prod': [DESTINATION, '6h'] },
  clients: ['footage-app'],
  monitors: ['auth-log'],
  channels: ['team'],
};
const { credential: _, ...BARE } = raise();
const OF_MONITOR = { kind: 'auth-failure-spike', condition: 'key key_1' } as const;
const OF_CLIENT = { kind: 'consent-required', credential: 'footage-app' } as const;
const OF_CHANNEL = { ...BARE, kind: 'channel-failed', condition: 'team', channel: 'team' } as const;

/** What is still open once the orphans of these have ended. */
function left(raised: Raise, configured: Configured): number {
  const memory = new Memory();
  memory.take(raised);
  const open = () => [...memory.alerts.values()].filter(({ state }) => state !== 'resolved');
  memory.take(...orphans(open(), configured, NOW));
  return open().length;
}

test.each<[string, Raise, Partial<Configured>]>([
  ['a credential', raise({ kind: 'rotation-attention', condition: '' }), { credentials: {} }],
  ['a destination', raise(), { credentials: { 'frameflow-prod': [] } }],
  [
    'a destination that has drifted',
    raise({ kind: 'store-drift', condition: DESTINATION }),
    { credentials: { 'frameflow-prod': [] } },
  ],
  [
    'a destination whose rights were changed',
    raise({ kind: 'file-permissions', condition: DESTINATION }),
    { credentials: { 'frameflow-prod': [] } },
  ],
  [
    'a destination’s hook',
    raise({ kind: 'hook-failed', condition: DESTINATION }),
    { credentials: { 'frameflow-prod': [] } },
  ],
  [
    'a reminder',
    raise({ kind: 'old-key-in-use', condition: '6h' }),
    { credentials: { 'frameflow-prod': ['12h'] } },
  ],
  ['an OAuth client', raise({ ...OF_CLIENT, condition: 'subject:user-1' }), { clients: [] }],
  ['a monitor', raise({ ...OF_MONITOR, monitor: 'auth-log' }), { monitors: [] }],
  ['a channel', OF_CHANNEL, { channels: [] }],
])('an alert about %s ends where that is no longer configured, and not before', (_, raised, change) => {
  expect(left(raised, CONFIGURED)).toBe(1);
  expect(left(raised, { ...CONFIGURED, ...change })).toBe(0);
});

test.each(['', 'preflight', 'adopt'])('a store alert of condition "%s" is of no destination', (condition) => {
  expect(left(raise({ kind: 'store-unreachable', condition }), CONFIGURED)).toBe(1);
});

test('an alert of a monitor lasts as long as its monitor, whatever credential it concerns', () => {
  expect(left(raise({ ...OF_MONITOR, monitor: 'auth-log' }), { ...CONFIGURED, credentials: {} })).toBe(1);
});

test('an alert about Keywarden itself, or of an identity of another form, is left alone', () => {
  const nothing: Configured = { credentials: {}, clients: [], monitors: [], channels: [] };
  expect(left({ ...BARE, kind: 'clock-skew' }, nothing)).toBe(1);
  const memory = new Memory();
  memory.take(raise());
  for (const identity of ['i', '["publish-failed","credential:other","x"]', '[]']) {
    expect(orphans([{ ...memory.only(), identity }], nothing, NOW)).toEqual([]);
  }
});
