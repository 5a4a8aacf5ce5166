import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE } from '../model/index.ts';
import type { ManagedKey } from './contract.ts';
import { retiredKeyUse } from './retired-key-use.ts';
import { begun, episodes, NOWHERE, play, rulesWith } from './testing/play.ts';
import { event, onTime, repeated, shuffled } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const SCRIPT = { from: START, until: START + 4 * DAY, every: 5 * MINUTE, apart: true };

function call(minute: number, over: Partial<LogEvent>): LogEvent {
  return event({ id: `call-${minute}-${JSON.stringify(over)}`, time: START + minute * MINUTE, ...over });
}

function ours(keyId: string, state: ManagedKey['state'], over: Partial<ManagedKey> = {}): ManagedKey {
  return { keyId, credential: 'frameflow-prod', state, expiresAt: null, compromisedAt: null, ...over };
}

describe('a use of a retired key', () => {
  const keys = [
    ours('key_old', 'retired', { expiresAt: START + HOUR }),
    ours('key_late', 'retiring', { expiresAt: START + HOUR }),
    ours('key_new', 'current'),
  ];
  const rules = rulesWith({
    otherKeys: {
      key_9Xc1: { ...NOWHERE, owner: 'data team', retired: false },
      key_gone: { ...NOWHERE, owner: 'billing', retired: true },
    },
  });
  const script = { ...SCRIPT, keys, rules };

  it('is critical from a network where no key of the credential was accepted before, else a warning', () => {
    const events = [
      call(0, { keyId: 'key_new', ip: '203.0.113.7' }),
      call(0, { keyId: 'key_new', ip: '2001:db8:5:1::1' }),
      call(100, { keyId: 'key_old', ip: '203.0.113.99' }),
      call(101, { keyId: 'key_old', ip: '192.0.2.9', status: 401 }),
      call(102, { keyId: 'key_late', ip: '2001:db8:5:2::1' }),
      call(103, { keyId: 'key_late', ip: '2001:db8:6::1' }),
    ];
    const found = begun(play(onTime(events), script));
    expect(found.map(({ condition, severity, credential }) => [condition, severity, credential])).toEqual([
      ['key_old 203.0.113.99', 'warning', 'frameflow-prod'],
      ['key_old 192.0.2.9', 'critical', 'frameflow-prod'],
      ['key_late 2001:db8:5:2::1', 'warning', 'frameflow-prod'],
      ['key_late 2001:db8:6::1', 'critical', 'frameflow-prod'],
    ]);
    expect(found[1]?.title).toBe(
      'retired key key_old of frameflow-prod used from 192.0.2.9 (DE), a network never seen before: 1 call',
    );
  });

  it('names the rotation that superseded the key, where that is known', () => {
    const known = keys.map((key) => (key.keyId === 'key_old' ? { ...key, retiredBy: 'rot_7' } : key));
    const events = [call(100, { keyId: 'key_old' }), call(100, { keyId: 'key_late' })];
    const found = begun(play(onTime(events), { ...script, keys: known }));
    expect(
      found.map(({ evidence, summary }) => [evidence.rotation, summary.includes('Rotation rot_7')]),
    ).toEqual([
      ['rot_7', true],
      [undefined, false],
    ]);
  });

  it('is remembered from the form that had no keys in its evidence', () => {
    const evidence = [
      [['192.0.2.9', 3]],
      [['DE', 3]],
      [['curl', 3]],
      [['GET /v1/assets', 3]],
      [['req_1', 1]],
    ];
    const old = [
      ['key_old 192.0.2.9', 'key_old', 'frameflow-prod', START, START, START, 3, 1, evidence, null],
    ];
    const stored = retiredKeyUse.upgrade?.(old, 2);
    const [[, , , , , , , , upgraded]] = stored as [unknown[]];
    expect(upgraded).toEqual([[['192.0.2.9', 3]], [], ...evidence.slice(1)]);
  });

  it('is nothing up to its expiry', () => {
    expect(play(onTime([call(60, { keyId: 'key_old' }), call(59, { keyId: 'key_late' })]), script)).toEqual(
      [],
    );
  });

  it('is any use of a key declared retired, and its uses make no network a known one', () => {
    const events = [0, 20].map((minute) => call(minute, { keyId: 'key_gone', ip: `192.0.2.${minute}` }));
    const found = begun(play(onTime(events), script));
    expect(found.map(({ severity, title }) => [severity, title.includes('billing')])).toEqual([
      ['critical', true],
      ['critical', true],
    ]);
  });

  it('is one alert a day for each source: what goes on is ended, and begins anew', () => {
    const events = Array.from({ length: 60 }, (_, hour) => call(hour * 60, { keyId: 'key_gone' }));
    const told = play(onTime(events), { ...script, until: START + 5 * DAY, restart: true });
    const found = begun(told);
    expect(found.map(({ firstEventAt }) => firstEventAt - START)).toEqual([0, DAY, 2 * DAY]);
    const ends = told.filter(({ finding }) => finding.ended === true).map(({ finding }) => finding);
    expect(ends.map(({ at, evidence }) => [at - START, evidence.count])).toEqual([
      [23 * HOUR, 24],
      [47 * HOUR, 24],
      [59 * HOUR, 12],
    ]);
  });

  it('is the same days whatever the order of a day', () => {
    const events = Array.from({ length: 60 }, (_, hour) => call(hour * 60, { keyId: 'key_gone' }));
    const late = { ...script, until: START + 5 * DAY };
    const expected = episodes(play(onTime(events), late));
    expect(expected).toHaveLength(3);
    expect(episodes(play(repeated(shuffled(events, 1), 1), late))).toEqual(expected);
  });
});

describe('a use of a key that nobody should have', () => {
  const KNOWN = '203.0.113.7';
  const keys = [
    ours('key_stolen', 'compromised', { expiresAt: START + 3 * DAY, compromisedAt: START + HOUR }),
    ours('key_told', 'current', { compromisedAt: START + HOUR }),
    ours('key_unused', 'unused'),
    ours('key_orphan', 'orphaned'),
    ours('key_new', 'current'),
  ];
  const script = { ...SCRIPT, keys };
  const found = (events: readonly LogEvent[]) =>
    begun(play(onTime(events), script)).map(({ kind, condition, severity }) => [kind, condition, severity]);

  it('is critical for a compromised key from the moment it is told, from known addresses too, while it is current too', () => {
    const events = [
      call(10, { keyId: 'key_stolen', ip: KNOWN }),
      call(10, { keyId: 'key_told', ip: KNOWN }),
      call(60, { keyId: 'key_told', ip: KNOWN }),
      call(61, { keyId: 'key_stolen', ip: KNOWN }),
      call(62, { keyId: 'key_told', ip: KNOWN, status: 404 }),
      call(63, { keyId: 'key_stolen', ip: '192.0.2.9' }),
    ];
    expect(found(events)).toEqual([
      ['retired-key-use', `key_stolen ${KNOWN}`, 'critical'],
      ['retired-key-use', `key_told ${KNOWN}`, 'critical'],
      ['retired-key-use', 'key_stolen 192.0.2.9', 'critical'],
    ]);
  });

  it('is critical for a key that was never put to use or never reached us, and such a key is no unknown one', () => {
    const events = [
      call(0, { keyId: 'key_new', ip: KNOWN }),
      call(20, { keyId: 'key_unused', ip: KNOWN }),
      call(21, { keyId: 'key_orphan', ip: KNOWN }),
    ];
    expect(found(events)).toEqual([
      ['retired-key-use', `key_unused ${KNOWN}`, 'critical'],
      ['retired-key-use', `key_orphan ${KNOWN}`, 'critical'],
    ]);
  });

  it('is none where the provider refused it', () => {
    const refused = ['key_stolen', 'key_unused', 'key_orphan'].map((keyId, index) =>
      call(100 + index, { keyId, status: 401 }),
    );
    expect(found(refused)).toEqual([]);
  });

  it('after its end is one whether refused or not, as of any retired key', () => {
    const late = (keyId: string, ip: string, status: number) => call(3 * 24 * 60 + 1, { keyId, ip, status });
    expect(
      found([
        call(0, { keyId: 'key_new', ip: KNOWN }),
        late('key_stolen', '203.0.113.8', 401),
        late('key_stolen', '192.0.2.9', 401),
        late('key_stolen', KNOWN, 200),
      ]),
    ).toEqual([
      ['retired-key-use', 'key_stolen 203.0.113.8', 'warning'],
      ['retired-key-use', 'key_stolen 192.0.2.9', 'critical'],
      ['retired-key-use', `key_stolen ${KNOWN}`, 'critical'],
    ]);
  });

  it('makes no network a known one', () => {
    const events = [
      call(100, { keyId: 'key_told', ip: '192.0.2.9' }),
      call(3 * 24 * 60 + 1, { keyId: 'key_stolen', ip: '192.0.2.9', status: 401 }),
    ];
    expect(found(events).map(([, , severity]) => severity)).toEqual(['critical', 'critical']);
  });

  it.each([
    ['key_stolen', 'key_stolen of frameflow-prod, which is known to others, used from', 'compromised'],
    ['key_unused', 'key_unused of frameflow-prod, which was never put to use, used from', 'unused'],
    [
      'key_orphan',
      'key_orphan of frameflow-prod, whose value never reached Keywarden, used from',
      'orphaned',
    ],
  ])('is told in words of its own: %s', (keyId, title, keyState) => {
    const [told] = play(onTime([call(90, { keyId })]), script);
    expect(told?.finding.title).toBe(`${title} 203.0.113.5 (DE): 1 call`);
    expect(told?.finding.action).toContain(`deleting ${keyId} in the provider's console`);
    expect(told?.finding.evidence).toMatchObject({ keyId, keyState, ips: ['203.0.113.5'], count: 1 });
  });

  it('by Keywarden is none, and its name alone hides nobody', () => {
    const own = { userAgent: 'keywarden', ip: KNOWN };
    const events = [
      call(0, { keyId: 'key_new', ...own }),
      ...keys.map(({ keyId }) => call(100, { keyId, ...own })),
      call(101, { keyId: 'key_orphan', ...own, ip: '203.0.113.8' }),
      call(102, { keyId: 'key_unused', ...own, userAgent: 'keywarden/2' }),
      call(3 * 24 * 60 + 1, { keyId: 'key_stolen', ...own, status: 401 }),
    ];
    expect(found(events)).toEqual([
      ['retired-key-use', 'key_orphan 203.0.113.8', 'critical'],
      ['retired-key-use', `key_unused ${KNOWN}`, 'critical'],
    ]);
  });
});
