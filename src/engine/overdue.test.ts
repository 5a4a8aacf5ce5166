import { describe, expect, test } from 'vitest';
import type { CredentialConfig } from '../config/types.ts';
import type { CredentialSnapshot, Raise, Rotation, Version } from '../model/index.ts';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import type { Scheduled } from '../state/contract.ts';
import { nextLook, overdueSignal, type Watched } from './overdue.ts';
import { blankRecord } from './start.ts';

const START = Date.UTC(2026, 9, 1, 9);
const NAME = 'frameflow-prod';
const DUE = START + 99 * DAY;

const version: Version = {
  id: 'version-1',
  credential: NAME,
  number: 1,
  keyId: 'key_1',
  state: 'current',
  origin: 'minted',
  fingerprint: 'print',
  createdAt: START,
  expiresAt: null,
  compromisedAt: null,
  acceptedAt: null,
  probedAt: null,
};

function watched(
  snapshot: Partial<CredentialSnapshot> = {},
  work: Scheduled | null = { id: NAME, dueAt: DUE + DAY, claimedUntil: null },
  mode: 'automatic' | 'guided' = 'automatic',
): Watched {
  const rotation = { every: 90 * DAY, mode } as CredentialConfig['rotation'];
  const none = { revision: 1, open: null, queued: null, destinations: [], mints: [] };
  const record = { ...blankRecord(NAME, 'frameflow', START), state: 'managed' as const };
  return {
    config: { name: NAME, rotation },
    snapshot: { record, versions: [version], ...none, ...snapshot },
    work,
  };
}

function raised(each: Watched, now = DUE): Raise {
  const signal = overdueSignal(each, now);
  if (signal.type !== 'raise') throw new Error('it is not told as overdue');
  return signal;
}

describe('a key', () => {
  test('is overdue from 110 % of its period on, a warning; before that the alert ends', () => {
    expect(overdueSignal(watched(), DUE - 1).type).toBe('resolve');
    expect(raised(watched())).toMatchObject({
      kind: 'rotation-overdue',
      severity: 'warning',
      credential: NAME,
      condition: '',
      evidence: { keyId: 'key_1', version: 1, paused: false, stuck: false },
    });
  });

  test('that was replaced, and a credential without one, are not overdue', () => {
    const newer = { ...version, id: 'version-2', number: 2, createdAt: DUE - DAY };
    const retired = { ...version, state: 'retiring' as const };
    expect(overdueSignal(watched({ versions: [newer, retired] }), DUE).type).toBe('resolve');
    expect(overdueSignal(watched({ versions: [retired] }), DUE).type).toBe('resolve');
  });
});

describe('the reasons', () => {
  const { record } = watched().snapshot;

  test('name the pause, and the way to end it', () => {
    const pause = { until: DUE + DAY, reason: 'release freeze', actor: 'ops', since: START };
    const alert = raised(watched({ record: { ...record, pause } }));
    expect(alert.summary).toContain(
      'ops paused it at 2026-10-01T09:00:00Z, until 2027-01-09T09:00:00Z (release freeze).',
    );
    expect(alert.action).toContain(`\`keywarden resume ${NAME}\``);
    const over = { ...pause, until: DUE - 1 };
    expect(raised(watched({ record: { ...record, pause: over } })).summary).not.toContain('paused');
  });

  test('name the open rotation and its last error', () => {
    const lastError = { code: 'forbidden', verdict: 'permanent', message: 'FrameFlow answered 403' } as const;
    const open = { id: 'r-1', state: 'minting', startedAt: START, lastError } as Rotation;
    const alert = raised(watched({ open }));
    expect(alert.summary).toContain('Rotation r-1 is in minting since 2026-10-01T09:00:00Z.');
    expect(alert.summary).toContain('The last error: FrameFlow answered 403');
    expect(alert.evidence).toMatchObject({ rotation: 'r-1', code: 'forbidden' });
  });

  test('say that a person makes the keys of a guided credential', () => {
    expect(raised(watched({}, undefined, 'guided')).action).toContain(`keywarden import ${NAME}`);
  });

  test.each<readonly [string, Scheduled | null, boolean]>([
    ['without a due record', null, true],
    ['due for more than an hour', { id: NAME, dueAt: DUE - HOUR, claimedUntil: null }, true],
    ['held by a process that is gone', { id: NAME, dueAt: DUE - HOUR, claimedUntil: DUE - 1 }, true],
    ['due for less than an hour', { id: NAME, dueAt: DUE - HOUR + 1, claimedUntil: null }, false],
    ['held by somebody', { id: NAME, dueAt: DUE - DAY, claimedUntil: DUE + 1 }, false],
  ])('say of a credential %s whether it is stuck', (_what, work, stuck) => {
    const alert = raised(watched({}, work));
    expect(alert.evidence).toMatchObject({ stuck });
    expect(alert.action?.startsWith('Restart Keywarden')).toBe(stuck);
  });
});

describe('the watchdog looks again', () => {
  test('every ten minutes while something is overdue', () => {
    expect(nextLook([watched()], DUE)).toBe(DUE + 10 * MINUTE);
  });

  test('when the next key is overdue, and after six hours at the latest', () => {
    expect(nextLook([watched()], DUE - HOUR)).toBe(DUE);
    expect(nextLook([watched()], START)).toBe(START + 6 * HOUR);
    expect(nextLook([], START)).toBe(START + 6 * HOUR);
  });
});
