import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE, SECOND } from '../../model/index.ts';
import { KEY, REST } from '../parts.ts';
import { begun, type Play, play as playAll, rulesWith, type Told } from '../testing/play.ts';
import { Shelf } from '../testing/shelf.ts';
import * as traffic from '../testing/traffic.ts';
import { createWatch } from '../watch.ts';

const START = Date.UTC(2026, 9, 1);
const ATTACK_AT = START + 4 * DAY + 10 * HOUR;

const RULES = rulesWith({ detectors: { 'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 } } });

function play(arrivals: readonly traffic.Arrival[], script: Play): Told[] {
  return playAll(arrivals, { rules: RULES, ...script });
}

/** The four days before each attack and the day of it, generated once for each profile. */
const usualOf = new Map<traffic.Profile, readonly LogEvent[]>();

function usual(failures: traffic.Profile): readonly LogEvent[] {
  const known = usualOf.get(failures);
  if (known !== undefined) return known;
  const made = [...traffic.traffic({ seed: 9, from: START, until: ATTACK_AT + DAY, failures })];
  usualOf.set(failures, made);
  return made;
}

/** What is told from the attack's begin on, with minutes of polling since then. */
function under(failures: traffic.Profile, attack: Omit<traffic.Attack, 'from'>) {
  const events = [...usual(failures), ...traffic.attack({ from: ATTACK_AT, ...attack })];
  const told = play(traffic.onTime(events), { from: START, until: ATTACK_AT + DAY, every: MINUTE });
  return told
    .filter(({ polledAt }) => polledAt > ATTACK_AT)
    .map(({ finding, polledAt }) => ({ ...finding, minutes: (polledAt - ATTACK_AT) / MINUTE }));
}

describe.each([
  ['quiet', traffic.quiet],
  ['busy', traffic.busy],
  ['busy in office hours', traffic.officeHours],
])('on a key that is usually %s', (_, failures) => {
  it.each([
    ['30 in one minute', 30, 2 * SECOND, 1],
    ['10 a minute', 100, 6 * SECOND, 2],
    ['3 a minute', 120, 20 * SECOND, 6],
    ['one in three minutes', 100, 3 * MINUTE, 4 * 60],
  ])('guessing with %s is found in time, told in one episode, and ended', (__, count, every, within) => {
    const told = under(failures, { count, every });
    expect(told[0]?.minutes).toBeLessThanOrEqual(within);
    expect(told.filter(({ ended }) => ended)).toHaveLength(1);
    expect(told.at(-1)?.ended).toBe(true);
    expect(told.at(-1)?.evidence.count).toBe(count);
    expect(told.at(-1)?.ips).toEqual(['198.51.100.77']);
  });
});

describe('a finding of refused logins', () => {
  it('says who, how many, from where and what is usual, with the evidence', () => {
    const all = under(traffic.quiet, { count: 37, every: 3 * SECOND });
    const [found, told] = [all[0], all.at(-1)];
    expect(found?.title).toBe(
      '20 refused logins on key_9Xc1 in 1 min from 198.51.100.77 (RU); usual: under 1 a day',
    );
    expect(told).toMatchObject({
      kind: 'auth-failure-spike',
      severity: 'critical',
      condition: 'key key_9Xc1',
      keyId: 'key_9Xc1',
      title: '37 refused logins on key_9Xc1 in 2 min from 198.51.100.77 (RU); usual: under 1 a day',
      firstEventAt: ATTACK_AT,
      lastEventAt: ATTACK_AT + 36 * 3 * SECOND,
      evidence: {
        keyId: 'key_9Xc1',
        count: 37,
        window: '1m',
        usual: 'under 1 a day',
        sources: ['198.51.100.77 (198.51.100.0/24, RU) 37'],
        pace: '▇▇ (1 min each)',
        countries: ['RU'],
        userAgents: ['python-requests/2.32'],
        paths: ['GET /v1/assets'],
      },
    });
    expect(told?.evidence.requestIds).toHaveLength(10);
    expect(told?.evidence.expected).toBeLessThan(0.01);
  });

  it('is decided by the event that was one too many, at the poll that brings it', () => {
    const [found] = under(traffic.quiet, { count: 30, every: SECOND });
    expect(found?.minutes).toBe(1);
    expect((found?.at ?? 0) - ATTACK_AT).toBeLessThan(15 * SECOND);
  });

  it('is a warning below 20 in five minutes, and critical from there on', () => {
    expect(under(traffic.quiet, { count: 19, every: 2 * SECOND }).at(-1)?.severity).toBe('warning');
    expect(under(traffic.quiet, { count: 20, every: 2 * SECOND }).at(-1)?.severity).toBe('critical');
  });

  it('rises to critical when a source that failed gets in, and names it', () => {
    const told = under(traffic.quiet, {
      count: 46,
      every: 20 * SECOND,
      ips: ['198.51.100.1', '198.51.100.2'],
      succeeds: true,
    });
    expect(told[0]?.severity).toBe('warning');
    const risen = told.find(({ severity }) => severity === 'critical');
    expect(risen?.minutes).toBe(16);
    expect(risen?.evidence.gotIn).toEqual(['198.51.100.2']);
    expect(risen?.title).toContain('198.51.100.2 got in');
  });

  it('says how many got in where several did', () => {
    const ips = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
    const guesses = traffic.attack({ from: ATTACK_AT, count: 45, every: 20 * SECOND, ips });
    const inside = ips.map((ip, index) =>
      traffic.event({ id: `inside-${ip}`, time: ATTACK_AT + 16 * MINUTE + index, ip }),
    );
    const told = play(traffic.onTime([...guesses, ...inside]), { from: START, until: ATTACK_AT + DAY });
    expect(told.at(-1)?.finding.title).toContain('; 198.51.100.1 and 2 more got in;');
    expect(told.at(-1)?.finding.summary).toContain('198.51.100.1, 198.51.100.2, 198.51.100.3 were let in');
  });

  it('is no guess that got in where the source was accepted before', () => {
    const events = traffic.attack({
      from: ATTACK_AT,
      count: 46,
      every: 20 * SECOND,
      ips: ['203.0.113.5'],
      succeeds: true,
    });
    const told = play(traffic.onTime([...usual(traffic.quiet), ...events].sort((a, b) => a.time - b.time)), {
      from: START,
      until: ATTACK_AT + DAY,
    });
    expect(told.at(-1)?.finding).toMatchObject({ ended: true, severity: 'warning' });
    expect(told.at(-1)?.finding.evidence.gotIn).toBeUndefined();
  });

  it('says at first, and then no more, how each window was judged', () => {
    const [first, ...more] = under(traffic.quiet, { count: 37, every: 3 * SECOND });
    const [minute, ...longer] = first?.why?.windows ?? [];
    expect(minute).toMatchObject({ window: '1m', count: 6 });
    expect(minute?.budget).toBeCloseTo(0.1 / 525_600 / 7, 12);
    expect(minute?.chance).toBeLessThan(minute?.budget ?? 0);
    expect(longer.map(({ window, count }) => [window, count])).toEqual([
      ['10m', 6],
      ['1h', 6],
      ['12h', 2],
      ['20m, new addresses', 1],
      ['20m, one address', 6],
    ]);
    expect(first?.why?.dispersion).toBeGreaterThanOrEqual(1);
    expect(more.some(({ why }) => why !== undefined)).toBe(false);
  });

  it('ends after thirty quiet minutes, and a second attack is another episode', () => {
    const first = traffic.attack({ from: START + 2 * HOUR, count: 30, every: SECOND });
    const second = traffic.attack({ from: START + 2 * HOUR + 40 * MINUTE, count: 30, every: SECOND });
    const near = traffic.attack({ from: START + 2 * HOUR + 20 * MINUTE, count: 30, every: SECOND });
    const script = { from: START, until: START + 8 * HOUR };
    const apart = play(traffic.onTime([...first, ...second]), script);
    expect(begun(apart)).toHaveLength(2);
    expect(apart.map(({ finding }) => finding.evidence.count)).toEqual([30, 30, 30, 30]);
    const together = play(traffic.onTime([...first, ...near]), script);
    expect(begun(together)).toHaveLength(1);
    expect(together.at(-1)?.finding.evidence.count).toBe(60);
  });

  it('does not come again for a stray failure hours after the attack', () => {
    const attack = traffic.attack({ from: START + 2 * HOUR, count: 200, every: 20 * SECOND });
    const stray = traffic.attack({ from: START + 6 * HOUR, count: 3, every: 2 * HOUR });
    const told = play(traffic.onTime([...attack, ...stray]), { from: START, until: START + DAY });
    expect(begun(told)).toHaveLength(1);
  });

  it('is about calls without a valid key where they bear none, and never an unknown key', () => {
    const attack = traffic.attack({ from: START + HOUR, count: 30, every: SECOND, keyId: null });
    const told = play(traffic.onTime(attack), { from: START, until: START + 3 * HOUR });
    expect(told.map(({ finding }) => [finding.kind, finding.condition, finding.keyId])).toEqual([
      ['auth-failure-spike', 'no key', null],
      ['auth-failure-spike', 'no key', null],
    ]);
    expect(told[0]?.finding.title).toContain('30 refused logins without a valid key');
  });

  it('counts refused logins only: neither a 403 nor a 429 nor a 500 is one', () => {
    const attack = traffic.attack({ from: START + HOUR, count: 90, every: SECOND });
    const other = attack.map((event, index) => ({ ...event, status: [403, 429, 500][index % 3] ?? 403 }));
    expect(play(traffic.onTime(other), { from: START, until: START + 3 * HOUR })).toEqual([]);
  });

  it('names a hundred addresses at most where many take part', () => {
    const ips = Array.from({ length: 300 }, (_, index) => `198.51.${index >> 8}.${index & 255}`);
    const told = under(traffic.quiet, { count: 300, every: SECOND, ips });
    expect(told.at(-1)?.ips).toHaveLength(100);
    expect(told.at(-1)?.title).toContain('and 99 or more others');
    expect(told.at(-1)?.evidence.count).toBe(300);
  });
});

describe('ordinary traffic', () => {
  it.each([
    ['quiet', traffic.quiet, 90, 0],
    ['busy in office hours', traffic.officeHours, 30, 1],
    ['busy with a daily swing', traffic.busy, 4, 1],
  ])('of a key that is %s pages once at most, while it is new', (_, failures, days, most) => {
    // Whole years are measured by test/traffic/budget.ts.
    for (const seed of [101, 102]) {
      const usual = [...traffic.traffic({ seed, from: START, until: START + days * DAY, failures })];
      const told = play(traffic.onTime(usual), { from: START, until: START + days * DAY, every: HOUR });
      const pages = begun(told);
      expect(pages.length).toBeLessThanOrEqual(most);
      expect(pages.filter(({ at }) => at > START + 3 * DAY)).toEqual([]);
    }
  });
});

describe('an attack that was told', () => {
  const FIRST = START + 4 * DAY + 10 * HOUR;
  const times = [FIRST, FIRST + 7 * DAY, FIRST + 30 * DAY];

  function toldOf(count: number, span: number, failures: traffic.Profile, keyId: string | null): number[][] {
    const until = FIRST + 31 * DAY;
    const attacks = times.flatMap((from) => traffic.attack({ from, count, every: span / count, keyId }));
    const ordinary = traffic.traffic({ seed: 7, from: START, until, failures });
    const events = traffic.onTime([...ordinary, ...attacks]);
    const told = play(events, { from: START, until, every: 30 * MINUTE });
    return told
      .filter(({ finding }) => finding.ended === true && finding.firstEventAt >= FIRST)
      .map(({ finding }) => [finding.firstEventAt, Number(finding.evidence.count)]);
  }

  it.each([
    ['60 in 3 minutes', 60, 3 * MINUTE],
    ['200 in 3 minutes', 200, 3 * MINUTE],
    ['600 in 2 minutes', 600, 2 * MINUTE],
    ['100 in 5 hours', 100, 5 * HOUR],
  ])('is told again after 7 and after 30 days: %s', (_, count, span) => {
    const expected = times.map((at) => [at, count]);
    expect(toldOf(count, span, traffic.quiet, 'key_9Xc1')).toEqual(expected);
    expect(toldOf(count, span, traffic.officeHours, 'key_9Xc1')).toEqual(expected);
    expect(toldOf(count, span, traffic.quiet, null)).toEqual(expected);
  });
});

describe('a rise that lasts', () => {
  it.each([
    ['all day', () => 1 / 10],
    ['in office hours, with pauses', traffic.officeHours],
  ])('to five times the usual, %s, pages at its begin and is the habit within a week', (_, failures) => {
    const rise = START + 14 * DAY;
    const until = rise + 12 * DAY;
    const risen = (time: number) => failures(time) * (time < rise ? 1 : 5);
    const events = traffic.onTime([...traffic.traffic({ seed: 201, from: START, until, failures: risen })]);
    const told = play(events, { from: START, until, every: HOUR });
    const pages = begun(told).filter(({ at }) => at >= rise);
    expect(pages.length).toBeGreaterThan(0);
    expect(pages.length).toBeLessThanOrEqual(3);
    expect(pages.filter(({ at }) => at >= rise + 7 * DAY)).toEqual([]);
    const later = told.filter(({ polledAt }) => polledAt >= rise + 8 * DAY);
    expect(later).toEqual([]);
    expect(told.at(-1)?.finding.ended).toBe(true);
  });
});

describe('what is kept', () => {
  it('is small, of a busy key and of many quiet ones, and nothing of keys in the detector’s own part', () => {
    const watch = createWatch(RULES);
    const shelf = new Shelf();
    const until = START + 6 * DAY;
    const state = shelf.open(watch);
    const keys = Array.from({ length: 12 }, (_, index) => `key_${index}`);
    const quiet = keys.flatMap((keyId, seed) => [
      ...traffic.traffic({ seed, from: START, until, failures: traffic.quiet, keyId }),
    ]);
    const events = [...usual(traffic.busy), ...quiet].sort((a, b) => a.time - b.time);
    const context = {
      monitor: 'log',
      keys: [],
      now: until,
      locate: () => null,
      feed: { caughtUp: true, trouble: null },
    };
    watch.observe(state, events, context);
    watch.tick(state, context);
    shelf.keep(watch, state);
    const sizes = new Map([...shelf.parts].map(([name, body]) => [name, body.length]));
    const sizeOf = (keyId: string) =>
      (sizes.get(KEY + keyId) ?? 0) + (sizes.get(KEY + keyId + REST) ?? Number.POSITIVE_INFINITY);
    expect(sizeOf('key_9Xc1')).toBeLessThan(3 * 1024);
    const sum = keys.reduce((total, keyId) => total + sizeOf(keyId), 0);
    expect(sum / keys.length).toBeLessThan(2 * 1024);
    expect(sizes.get('detector.auth-failure-spike')).toBeLessThan(2 * 1024);
  });
});

describe('what was noted of a key', () => {
  it.each([
    ['is gone', () => undefined],
    ['is damaged', (body: string | undefined) => body?.replace(/"auth-failure-spike":\[\d+/, '$&9')],
  ])('ends its alert where it %s, and what goes on is told anew', (_, after) => {
    const watch = createWatch(RULES);
    const shelf = new Shelf();
    const attack = traffic.attack({ from: START, count: 60, every: SECOND });
    const context = {
      monitor: 'log',
      keys: [],
      now: START + MINUTE,
      locate: () => null,
      feed: { caughtUp: true, trouble: null },
    };
    const first = shelf.open(watch);
    const told = watch.observe(first, attack.slice(0, 30), context);
    expect(told.map(({ condition }) => condition)).toEqual(['key key_9Xc1']);
    shelf.keep(watch, first);
    const name = `${KEY}key_9Xc1${REST}`;
    const left = after(shelf.parts.get(name));
    if (left === undefined) shelf.parts.delete(name);
    else shelf.parts.set(name, left);
    const state = shelf.open(watch);
    shelf.fetch(watch, state, [], context);
    const ended = watch.tick(state, context);
    expect(ended.map(({ kind, condition, ended: over }) => [kind, condition, over])).toEqual([
      ['auth-failure-spike', 'key key_9Xc1', true],
    ]);
    expect(watch.tick(state, context)).toEqual([]);
    const anew = watch.observe(state, attack.slice(30), context);
    expect(anew.map(({ condition, ended: over }) => [condition, over])).toEqual([
      ['key key_9Xc1', undefined],
    ]);
  });
});
