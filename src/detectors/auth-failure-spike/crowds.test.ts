import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE, SECOND } from '../../model/index.ts';
import { begun, episodes, type Play, play, rulesWith } from '../testing/play.ts';
import { type Arrival, attack, event, onTime, randomFrom, repeated, shuffled } from '../testing/traffic.ts';
import { BOUT, CROWD, DRIFT, minuteOf, reachOf } from './bins.ts';
import { GroupSizes } from './crowd-habit.ts';
import { BLOCK, Crowds } from './crowds.ts';
import { Failures } from './failures.ts';

const START = Date.UTC(2026, 9, 1);
const ATTACK_AT = START + 12 * DAY + 10 * HOUR + 7 * MINUTE;
const RULES = rulesWith({ detectors: { 'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 } } });
const SCRIPT: Play = { rules: RULES, from: START, until: ATTACK_AT + 3 * HOUR, every: 10 * MINUTE };

type Failure = readonly [minute: number, mark: number];

const FIRST = 10 * BLOCK;

function failures(seed: number): Failure[] {
  const random = randomFrom(seed);
  return Array.from({ length: 200 }, () => [
    FIRST + Math.floor(random() * 60),
    Math.floor(random() * 40) * 2 ** 16,
  ]);
}

describe('those who fail together', () => {
  it('are an episode of half an hour, as all are but the slow ones', () => {
    const reach = (test: number) => {
      const fires: [number, number] = [test + 1, 0];
      return reachOf({ minute: 0, counts: [1, 0], fires, fired: true, from: 0, to: 0 });
    };
    expect([1, CROWD, BOUT].map(reach)).toEqual([30, 30, 30]);
    expect([3, DRIFT].map(reach)).toEqual([240, 240]);
  });

  const bySeed = [1, 2, 3].map(failures);

  it.each(bySeed)(
    'are the addresses of two blocks, each counted once, in whatever order they come',
    (...all) => {
      const counted = (list: readonly Failure[]) => {
        const crowds = new Crowds();
        for (const [minute, mark] of list) crowds.failed(minute, mark);
        return Array.from({ length: 6 }, (_, block) => crowds.at(FIRST + block * BLOCK));
      };
      const expected = Array.from({ length: 6 }, (_, block) => {
        const end = FIRST + (block + 1) * BLOCK;
        const marks = all
          .filter(([minute]) => minute >= end - 2 * BLOCK && minute < end)
          .map(([, mark]) => mark);
        const often = [...new Set(marks)].map((mark) => marks.filter((other) => other === mark).length);
        return [often.length, Math.max(...often)];
      });
      expect(counted(all)).toEqual(expected);
      expect(counted(all.toSorted(([a], [b]) => a - b))).toEqual(expected);
      expect(counted(all.toReversed())).toEqual(expected);
    },
  );

  it('are the same after they were stored, while more come and after they have settled', () => {
    const [before, after] = [failures(4), failures(5)];
    const crowds = new Crowds();
    for (const [minute, mark] of before) crowds.failed(minute, mark);
    crowds.settle(FIRST + 40);
    const again = Crowds.load(JSON.parse(JSON.stringify(crowds.save())));
    for (const each of [crowds, again]) for (const [minute, mark] of after) each.failed(minute, mark);
    expect(again.save()).toEqual(crowds.save());
    const nothing = () => false;
    expect(again.during(FIRST / 60, nothing)).toEqual(crowds.during(FIRST / 60, nothing));
    again.drop(1_000);
    expect(again.save()).toBe('');
  });
});

describe('blocks that are opened late', () => {
  it('are emptied as soon as the others, so that a log which is always late does not fill the state', () => {
    const crowds = new Crowds();
    let most = 0;
    for (let minute = FIRST; minute < FIRST + 600; minute += 1) {
      if (minute % (2 * BLOCK) === 0) crowds.failed(minute, 1);
      if (minute % (2 * BLOCK) === 2 * BLOCK - 1)
        for (let mark = 1; mark <= 128; mark += 1) crowds.failed(minute - 7 * BLOCK + 5, mark << 16);
      crowds.settle(minute - 5);
      most = Math.max(most, String(crowds.save()).length);
    }
    expect(most).toBeLessThan(1_024);
  });
});

describe('how large groups are as a rule', () => {
  /** Bursts of ten, give or take, twelve times a day; at times two of them at once. */
  const group = (random: () => number) => {
    const one = () => 7 + Math.floor(random() * 7);
    return random() < 0.03 ? one() + one() : one();
  };

  it('lets those pass that come, and stops what is twice as large', () => {
    const random = randomFrom(6);
    const sizes = new GroupSizes();
    for (let hour = 0; hour < 24 * 60; hour += 1) sizes.learn(hour % 2 === 0 ? [group(random)] : []);
    const least = sizes.least(0.02 / 525_600, 28_000);
    expect(least).toBeLessThanOrEqual(40);
    const beyond = Array.from({ length: 200_000 }, () => group(random)).filter((size) => size >= least);
    // 200,000 groups are 45 years.
    expect(beyond.length).toBeLessThanOrEqual(1);
  });

  it('is hardly known at first, and then more is let pass', () => {
    const small = new GroupSizes();
    const leastAfter = (groups: number) => {
      small.learn(Array.from({ length: groups }, () => 2));
      return small.least(0.02 / 525_600, 28_000);
    };
    const [none, some, many] = [leastAfter(0), leastAfter(10), leastAfter(300)];
    expect(none).toBeGreaterThan(some);
    expect(some).toBeGreaterThan(many);
    expect(many).toBeLessThanOrEqual(12);
  });
});

/** Functions in a cloud: every two hours or so one to five new instances are refused one to three times, then get in. */
function functions(until: number): LogEvent[] {
  const random = randomFrom(11);
  const events: LogEvent[] = [];
  for (let at = START + HOUR, burst = 0; at < until; at += (1.5 + random()) * HOUR, burst += 1) {
    for (let instance = 1 + Math.floor(random() * 5); instance > 0; instance -= 1) {
      const ip = `100.${burst >> 6}.${burst & 63}.${instance}`;
      const first = Math.floor(at + random() * 90 * SECOND);
      const refusals = 1 + Math.floor(random() * 3);
      for (let turn = 0; turn <= refusals; turn += 1) {
        const status = turn === refusals ? 200 : 401;
        events.push(event({ id: `${ip}-${turn}`, time: first + turn * 5 * SECOND, ip, status }));
      }
    }
  }
  return events.sort((a, b) => a.time - b.time);
}

describe('on a key whose clients change their addresses', () => {
  const usual = functions(ATTACK_AT + 3 * HOUR);
  const guesses = (every: number, ips: number) =>
    attack({
      from: ATTACK_AT,
      count: 100,
      every,
      ips: Array.from({ length: ips }, (_, index) => `198.51.100.${index}`),
    });

  it.each([
    ['ten a minute from ever-new addresses', 6 * SECOND, 100, 'new addresses', 2],
    ['five a minute from ever-new addresses', 12 * SECOND, 100, 'new addresses', 4],
    ['ten a minute from one address', 6 * SECOND, 1, 'one address', 3],
  ])(
    '%s are told in time, once, and are over half an hour after the last',
    (_, every, ips, window, polls) => {
      const attacks = guesses(every, ips);
      const last = attacks.at(-1)?.time ?? 0;
      const arrivals = onTime([...usual, ...attacks].sort((a, b) => a.time - b.time));
      const all = play(arrivals, { ...SCRIPT, until: last + 50 * MINUTE, every: MINUTE });
      const [page, ...more] = begun(all).filter(({ at }) => at >= ATTACK_AT);
      expect(page?.evidence.window).toBe(`20m, ${window}`);
      expect((page?.at ?? 0) - ATTACK_AT).toBeLessThan(polls * MINUTE);
      expect(more).toEqual([]);
      expect(all.at(-1)?.finding).toMatchObject({ condition: page?.condition, ended: true });
    },
  );

  it('what was told is not learnt: the same attack is told as soon two days later', () => {
    const again = guesses(6 * SECOND, 100).map((each) => ({
      ...each,
      id: `${each.id}-2`,
      time: each.time + 2 * DAY,
    }));
    const events = [...functions(ATTACK_AT + 3 * DAY), ...guesses(6 * SECOND, 100), ...again];
    const arrivals = onTime(events.sort((a, b) => a.time - b.time));
    const pages = begun(play(arrivals, { ...SCRIPT, until: ATTACK_AT + 2 * DAY + HOUR }));
    const times = pages.map(({ at }) => at).filter((at) => at >= ATTACK_AT);
    expect(times).toHaveLength(2);
    expect((times[1] ?? 0) - ATTACK_AT - 2 * DAY).toBeLessThan(2 * MINUTE);
  });

  it('what is usual is told on the first days at most', () => {
    const pages = begun(play(onTime(usual), SCRIPT));
    expect(pages.length).toBeLessThanOrEqual(1);
    expect(pages.filter(({ at }) => at > START + 2 * DAY)).toEqual([]);
  });

  it('the order of arrival does not show, nor do repeats or a restart', () => {
    const events = [...usual, ...guesses(6 * SECOND, 100)].sort((a, b) => a.time - b.time);
    const late = events.filter(({ time }) => time > ATTACK_AT - 10 * DAY);
    // Not all of so many addresses are kept.
    const found = (arrivals: readonly Arrival[], script: Play = SCRIPT) =>
      episodes(play(arrivals, script)).map((told) => ({ ...JSON.parse(told), ips: [] }));
    const inOrder = found(onTime(late));
    expect(inOrder).toMatchObject([{ count: 100, firstEventAt: ATTACK_AT }]);
    for (const seed of [1, 2, 3]) {
      expect(found(shuffled(late, seed))).toEqual(inOrder);
      expect(found(repeated(shuffled(late, seed), seed))).toEqual(inOrder);
    }
    expect(found(onTime(late), { ...SCRIPT, restart: true })).toEqual(inOrder);
  });
});

const WATCHED = { since: minuteOf(START), perYear: 0.1, stream: 0 } as const;

/**
 * Bursts of 60 new addresses, give or take, every two hours: how often they fired on each day. `marks`: whether addresses
 * are told apart, as the build before did not.
 */
function shotsOfBursts(failures: Failures, from: number, days: number, marks = true): number[] {
  const random = randomFrom(13);
  const shots = new Array<number>(days).fill(0);
  for (let at = from + HOUR; at < from + days * DAY; at += (1.7 + 0.6 * random()) * HOUR) {
    for (let left = Math.round(60 * (0.8 + 0.4 * random())); left > 0; left -= 1) {
      const mark = marks ? Math.floor(random() * 2 ** 32) : undefined;
      const told = failures.add(at + (left % 3 === 0 ? MINUTE : 0), 1, { ...WATCHED, mark });
      const day = Math.floor((at - from) / DAY);
      shots[day] = (shots[day] ?? 0) + told.length;
    }
    failures.settle(minuteOf(at - 5 * MINUTE), WATCHED, () => {});
  }
  return shots;
}

describe('a rise to bursts of many new addresses', () => {
  it.each([
    ['from the first hour on', 0],
    ['on a key that was quiet for a week', 7],
  ])('%s is learnt within a few days', (_, quietDays) => {
    const failures = new Failures();
    for (let day = 1; day <= quietDays; day += 1)
      failures.settle(minuteOf(START + day * DAY), WATCHED, () => {});
    const [first, ...later] = shotsOfBursts(failures, START + quietDays * DAY, 8);
    expect(first).toBeGreaterThan(0);
    expect(later.slice(3)).toEqual([0, 0, 0, 0]);
  });
});

describe('what an earlier build kept', () => {
  const earlier = (failures: Failures) =>
    Failures.load(JSON.parse(JSON.stringify(failures.save())).slice(0, 6));

  it('is taken up without the groups, which are learnt from then on', () => {
    const before = new Failures();
    before.settle(minuteOf(START + 3 * DAY), WATCHED, () => {});
    const failures = earlier(before);
    const at = START + 3 * DAY + HOUR;
    const shots = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((mark) =>
      failures.add(at, 1, { ...WATCHED, mark: mark * 1_000 }),
    );
    expect(shots.length).toBeGreaterThan(0);
    expect(Failures.load(JSON.parse(JSON.stringify(failures.save()))).save()).toEqual(failures.save());
  });

  it('says what bursts are usual, though not from how many addresses: these are learnt before they are judged', () => {
    const before = new Failures();
    const habit = shotsOfBursts(before, START, 12, false);
    expect(habit.slice(8)).toEqual([0, 0, 0, 0]);
    expect(shotsOfBursts(earlier(before), START + 12 * DAY, 3)).toEqual([0, 0, 0]);
  });
});
