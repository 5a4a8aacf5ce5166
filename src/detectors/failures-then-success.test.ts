import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE, SECOND } from '../model/index.ts';
import type { ManagedKey } from './contract.ts';
import { begun, episodes, NOWHERE, play, rulesWith } from './testing/play.ts';
import { event, onTime, repeated, shuffled } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const OTHERS = Object.fromEntries(
  ['key_9Xc1', 'key_a', 'key_b', 'key_c'].map((keyId) => [
    keyId,
    { ...NOWHERE, owner: 'data team', retired: false },
  ]),
);
const SCRIPT = {
  from: START,
  until: START + 2 * DAY,
  every: 5 * MINUTE,
  rules: rulesWith({ otherKeys: OTHERS, detectors: { 'failures-then-success': {} } }),
};
const THIEF = '198.51.100.77';

function call(second: number, over: Partial<LogEvent> = {}): LogEvent {
  return event({ id: `call-${second}-${over.keyId}`, time: START + second * SECOND, ...over });
}

/** Of the key's own address, so that one is known. */
const OWN = [call(0), call(600)];

function guesses(from: number, count: number, over: Partial<LogEvent> = {}): LogEvent[] {
  return Array.from({ length: count }, (_, index) => call(from + index, { ip: THIEF, status: 401, ...over }));
}

const found = (events: readonly LogEvent[], keys: readonly ManagedKey[] = []) =>
  begun(play(onTime(events), { ...SCRIPT, keys })).map(({ condition, severity }) => [condition, severity]);

describe('guessing that got in', () => {
  it('is critical: five failures of an address that was not known, then an accepted call', () => {
    const told = play(onTime([...OWN, ...guesses(1_000, 5), call(1_010, { ip: THIEF })]), SCRIPT);
    expect(begun(told)).toHaveLength(1);
    expect(told[0]?.finding).toMatchObject({
      kind: 'failures-then-success',
      severity: 'critical',
      condition: `key_9Xc1 ${THIEF}`,
      firstEventAt: START + 1_000 * SECOND,
      lastEventAt: START + 1_010 * SECOND,
      ips: [THIEF],
      evidence: { keyId: 'key_9Xc1', count: 5 },
    });
    expect(told.at(-1)?.finding.ended).toBe(true);
  });

  it('counts failures without a key id, those with other keys, and those on three keys at once', () => {
    const enters = call(1_010, { ip: THIEF });
    expect(found([...OWN, ...guesses(1_000, 5, { keyId: null }), enters])).toHaveLength(1);
    expect(found([...OWN, ...guesses(1_000, 5, { keyId: 'key_a' }), enters])).toHaveLength(1);
    const keys = ['key_a', 'key_b', 'key_c'];
    const three = keys.map((keyId, index) => call(1_000 + index, { ip: THIEF, status: 401, keyId }));
    expect(found([...OWN, ...three, enters])).toHaveLength(1);
    expect(found([...OWN, ...three.slice(1), enters])).toEqual([]);
  });

  it('is none with few failures, with none before the success, or with failures of long ago', () => {
    expect(found([...OWN, ...guesses(1_000, 4), call(1_010, { ip: THIEF })])).toEqual([]);
    expect(found([...OWN, call(999, { ip: THIEF }), ...guesses(1_000, 9)])).toEqual([]);
    const late = 1_010 + (6 * HOUR) / SECOND;
    expect(found([...OWN, ...guesses(1_000, 9), call(late, { ip: THIEF })])).toEqual([]);
    const before = ['key_a', 'key_b'].flatMap((keyId) => guesses(1_000, 1, { keyId }));
    const after = guesses(late + 600, 1, { keyId: 'key_c' });
    expect(found([...OWN, ...before, ...after, call(late + 610, { ip: THIEF })])).toEqual([]);
  });

  it('is none of a source that is known: by its address, by its network, or where none of the key is', () => {
    const mistyped = guesses(1_000, 20, { ip: '203.0.113.5' });
    expect(found([...OWN, ...mistyped, call(1_030)])).toEqual([]);
    const near = { ip: '203.0.113.77' };
    expect(found([...OWN, ...guesses(1_000, 20, near), call(1_030, near)])).toEqual([]);
    expect(found([...guesses(1_000, 20), call(1_030, { ip: THIEF })])).toEqual([]);
  });

  it('takes more where new clients of the key fail first as a rule, and learns that from who gets in', () => {
    const client = (hour: number, failures: number, host: number) => {
      const ip = `198.${18 + hour}.${host}.9`;
      const from = 3_600 * hour + 100 * host;
      return [...guesses(from, failures, { ip }), call(from + failures, { ip })];
    };
    const usual = [1, 2].flatMap((hour) => [1, 2, 3].flatMap((host) => client(hour, 2, host)));
    expect(found([...OWN, ...client(6, 8, 1)])).toHaveLength(1);
    expect(found([...OWN, ...usual, ...client(6, 8, 1)])).toEqual([]);
    expect(found([...OWN, ...usual, ...client(6, 15, 1)])).toHaveLength(1);
    expect(found([...OWN, ...usual, ...client(2, 8, 9)])).toHaveLength(1);
    const events = [...OWN, ...usual, ...client(6, 8, 1)];
    expect(play(onTime(events), { ...SCRIPT, every: DAY })).toEqual([]);
    expect(play(repeated(shuffled(events, 4), 4), { ...SCRIPT, restart: true })).toEqual([]);
  });

  it('is told in the poll that shows the success, though an attack on all keys is told as well', () => {
    const fleet = Array.from({ length: 400 }, (_, index) =>
      call(1_000 + index, { ip: `192.0.2.${index % 60}`, keyId: `key_${index % 90}`, status: 401 }),
    );
    const thief = [...guesses(1_200, 8), call(1_300, { ip: THIEF })];
    const rules = rulesWith({
      otherKeys: OTHERS,
      detectors: { 'failures-then-success': {}, 'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 } },
    });
    const events = [...OWN, ...fleet, ...thief].sort((a, b) => a.time - b.time);
    const told = play(onTime(events), { ...SCRIPT, rules, every: MINUTE, until: START + HOUR });
    expect(told.some(({ finding }) => finding.condition === 'fleet')).toBe(true);
    const about = told.filter(
      ({ finding: { keyId, kind, also = [] } }) =>
        [kind, ...also.map((other) => other.kind)].includes('failures-then-success') && keyId === 'key_9Xc1',
    );
    expect(about[0]?.polledAt).toBe(START + 22 * MINUTE);
  });

  it('is told as one where there are more than a hundred, and ended', () => {
    const thieves = Array.from({ length: 103 }, (_, host) => `198.51.${host}.7`);
    const events = thieves.flatMap((ip, host) => [
      ...guesses(1_000 + 10 * host, 5, { ip }),
      call(1_008 + 10 * host, { ip }),
    ]);
    const told = play(onTime([...OWN, ...events]), SCRIPT);
    expect(begun(told)).toHaveLength(101);
    const others = told.filter(({ finding }) => finding.condition === 'others');
    expect(others[0]?.finding).toMatchObject({ severity: 'critical', keyId: null });
    expect(others[0]?.finding.title).toContain('a key, beyond the 100 such cases');
    expect(others.at(-1)?.finding.ended).toBe(true);
  });

  it('is none where an application fails on its expired key and is given the next one', () => {
    const version = { credential: 'c', compromisedAt: null } as const;
    const keys: ManagedKey[] = [
      { ...version, keyId: 'key_1', state: 'retired', expiresAt: START + 900 * SECOND },
      { ...version, keyId: 'key_2', state: 'current', expiresAt: null },
    ];
    const elsewhere = { ip: THIEF };
    const events = [
      call(0, { keyId: 'key_2' }),
      ...guesses(1_000, 20, { ...elsewhere, keyId: 'key_1' }),
      call(1_030, { ...elsewhere, keyId: 'key_2' }),
    ];
    expect(found(events, keys)).toEqual([]);
    expect(
      found([...events.slice(0, 1), ...guesses(800, 20, { keyId: 'key_1' }), ...events.slice(-1)], keys),
    ).toEqual([[`key_2 ${THIEF}`, 'critical']]);
  });

  it.each([1, 2, 3])(
    'is the same in any order, however often it is shown, over restarts (seed %i)',
    (seed) => {
      const events = [...OWN, ...guesses(1_000, 12), call(1_020, { ip: THIEF }), call(1_030, { ip: THIEF })];
      const expected = episodes(play(onTime(events), SCRIPT));
      expect(expected).toHaveLength(1);
      const script = { ...SCRIPT, every: MINUTE, restart: true };
      expect(episodes(play(repeated(shuffled(events, seed), seed), script))).toEqual(expected);
    },
  );
});
