import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Failure, type Finding, HOUR, type LogEvent, MINUTE, SECOND } from '../../model/index.ts';
import { Backfill } from './backfill.ts';
import { findingOf } from './testing/answers.ts';
import { NO_RULES, START, WatchWorld } from './testing/world.ts';

let w: WatchWorld;
beforeEach(async () => {
  w = await WatchWorld.open();
  w.rules = { ...NO_RULES, detectors: { 'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 } } };
});
afterEach(() => w.state.close());

const LOST: Failure = { code: 'unavailable', verdict: 'retryable', message: '503' };

/** Thirty refused logins on a key, two seconds apart, up to so long before the start. */
function burst(keyId: string, ago: number): LogEvent[] {
  return Array.from({ length: 30 }, (_, index) =>
    w.call(keyId, {
      id: `${keyId}-${index}`,
      time: START - ago - index * 2 * SECOND,
      ip: '198.51.100.7',
      status: 401,
    }),
  );
}

/** A page of ordinary calls. */
const calls = () =>
  Array.from({ length: 1_000 }, (_, index) => w.call('key_2', { id: `call-${index}`, time: START - HOUR }));

const told = async () =>
  (await w.state.alerts({})).items
    .map(({ severity, evidence, state }) => `${severity} ${evidence.keyId ?? 'together'} ${state}`)
    .toSorted();

const parts = async () => (await w.state.watchGeneral('log')).map(([name]) => name);

/** With one more they are told together. */
const three = () => ['key_a', 'key_b', 'key_c'].flatMap((keyId, index) => burst(keyId, (9 - index) * HOUR));
/** They are over. */
const four = () => [...three(), ...burst('key_d', 5 * HOUR)];
/** It goes on for some time, and too few are refused at once for a person to be woken. */
const slow = (keyId: string): LogEvent[] =>
  burst(keyId, 0).map((event, index) => ({ ...event, time: START - index * MINUTE }));

describe('what the first reading of a log finds beyond habit', () => {
  test('is one warning with all keys', async () => {
    w.log.push(...three(), ...calls(), ...burst('key_d', 5 * HOUR));
    await w.poll();
    expect(await told()).toEqual(['warning together resolved']);
    const [report] = (await w.state.alerts({})).items;
    expect(report).toMatchObject({ kind: 'auth-failure-spike', monitor: 'log', transient: true });
    expect(report?.title).toMatch(
      /^4 bursts of refused logins on 4 keys in the 9h\w* before log was first read; in 0 a source got in, 0 go on$/,
    );
    expect(report?.evidence).toMatchObject({
      count: 4,
      keys: ['key_a', 'key_b', 'key_c', 'key_d'],
      ips: ['198.51.100.7'],
    });
    w.now += 2 * HOUR;
    await w.poll();
    expect(await told()).toEqual(['warning together resolved']);
  });

  test('is told by itself where a source got in, or where it goes on and is critical', async () => {
    const inside = { id: 'in', time: START - 9 * HOUR + 10 * SECOND, ip: '198.51.100.7' };
    w.log.push(...burst('key_a', 9 * HOUR), w.call('key_a', inside));
    w.log.push(...four().filter(({ keyId }) => keyId !== 'key_a'), ...burst('key_e', 0));
    await w.poll();
    expect(await told()).toEqual([
      'critical key_a resolved',
      'critical key_e triggered',
      'warning together resolved',
    ]);
    expect((await w.state.alerts({})).items.map(({ title }) => title)).toContainEqual(
      expect.stringMatching(/^3 further bursts of refused logins on 3 keys /),
    );
  });

  test('is open as long as one of those that were told together goes on', async () => {
    w.log.push(...four(), ...slow('key_e'), ...slow('key_f'));
    await w.poll();
    expect(await told()).toEqual(['warning together triggered']);
    w.log.push(...slow('key_e').map((event) => ({ ...event, id: `more-${event.id}`, time: START + MINUTE })));
    await w.poll();
    expect(await told()).toEqual(['critical key_e triggered', 'warning together triggered']);
    w.now += 13 * HOUR;
    await w.poll();
    expect(await told()).toEqual(['critical key_e resolved', 'warning together resolved']);
    expect(await parts()).not.toContain('backfill');
  });

  test('is told after 15 minutes where the log fails half-way', async () => {
    w.log.push(...four(), ...calls());
    w.meanwhile = async () => {
      if ((await w.state.monitor('log')) !== null) w.refusal = LOST;
    };
    for (let minute = 0; minute < 15; minute += 1) await w.poll();
    expect(await told()).toEqual([]);
    await w.poll();
    expect(await told()).toEqual(['warning together resolved']);
  });

  test('is told after 15 minutes where there is always more to read', async () => {
    w.log.push(...four());
    const seen: string[][] = [];
    w.meanwhile = async () => {
      seen.push(await told());
      w.now += MINUTE;
      if (seen.length < 20) w.log.push(...calls());
    };
    await w.poll();
    expect(seen.findIndex((alerts) => alerts.length > 0)).toBe(16);
  });

  test('is told by itself where it is little', async () => {
    w.log.push(...burst('key_a', 9 * HOUR), ...burst('key_d', 0));
    await w.poll();
    expect(await told()).toEqual(['critical key_a resolved', 'critical key_d triggered']);
  });

  test('is told by itself where it goes on and grows', async () => {
    w.log.push(...three(), ...burst('key_d', 0));
    await w.poll();
    const more = burst('key_d', -2 * MINUTE).concat(burst('key_d', -3 * MINUTE), burst('key_d', -4 * MINUTE));
    w.log.push(...more.map((event, index) => ({ ...event, id: `more-${index}` })));
    w.now = START + 4 * MINUTE;
    await w.poll();
    expect(await told()).toEqual(['critical key_d triggered', 'warning together resolved']);
  });

  test('is kept over a process that dies half-way', async () => {
    w.log.push(...three(), ...burst('key_d', 6 * HOUR), ...calls());
    const kept = w.state;
    let commits = 0;
    w.state = {
      ...kept,
      commit: (changes, options) => {
        if (changes.some(({ type }) => type === 'watch.parts')) commits += 1;
        return commits === 2 ? Promise.reject(new Error('it dies')) : kept.commit(changes, options);
      },
    };
    await expect(w.poll()).rejects.toThrow('it dies');
    w.state = kept;
    expect(await told()).toEqual([]);
    await w.poll();
    expect(await told()).toEqual(['warning together resolved']);
    expect(await parts()).not.toContain('backfill');
  });

  test('is told of each key by itself once the log has been read to its end', async () => {
    await w.poll();
    w.log.push(...burst('key_a', -30 * SECOND), ...burst('key_b', -30 * SECOND));
    await w.poll();
    expect(await told()).toEqual(['critical key_a triggered', 'critical key_b triggered']);
    w.now += 2 * HOUR + MINUTE;
    await w.poll();
    expect(await told()).toEqual(['critical key_a resolved', 'critical key_b resolved']);
  });
});

describe('what is kept', () => {
  const spike = (condition: string, over: Partial<Finding> = {}) =>
    findingOf(w, { kind: 'auth-failure-spike', condition, keyId: condition, ...over });
  const page = (over: Partial<Parameters<Backfill['take']>[1]> = {}) => ({
    monitor: 'log',
    now: START,
    isEnd: false,
    ...over,
  });
  const many = (count: number, over: Partial<Finding> = {}) =>
    Array.from({ length: count }, (_, index) => spike(`key_${index}`, over));
  const conditions = (findings: readonly Finding[]) => findings.map(({ condition }) => condition);

  test('is never what was told for want of room, so that its end is told as well', () => {
    const backfill = new Backfill();
    expect(backfill.take(many(200), page()).findings).toEqual([]);
    expect(conditions(backfill.take([spike('key_x')], page()).findings)).toEqual(['key_x']);
    const borne = spike('key_0', {
      also: [{ kind: 'failures-then-success', severity: 'critical', title: '' }],
    });
    expect(conditions(backfill.take([borne], page()).findings)).toEqual(['key_0']);
    for (const ended of [false, true]) {
      const next = [spike('key_x', { ended }), spike('key_0', { ended })];
      expect(backfill.take(next, page()).findings).toEqual(next);
    }
  });

  test('is critical together where more than a few are no habit', () => {
    const backfill = new Backfill();
    backfill.take(many(8, { evidence: { gotIn: ['192.0.2.1'] } }), page());
    const { findings, signals } = backfill.take([], page({ isEnd: true }));
    expect(conditions(findings)).toEqual(['key_0', 'key_1', 'key_2', 'key_3', 'key_4']);
    expect(signals).toMatchObject([{ type: 'raise', severity: 'critical', condition: 'backfill' }]);
    expect(signals[0]).not.toHaveProperty('transient');
    const ends = many(8, { ended: true });
    expect(backfill.take(ends.slice(0, 7), page()).signals).toEqual([]);
    expect(backfill.take(ends.slice(7), page()).signals).toMatchObject([
      { type: 'resolve', condition: 'backfill' },
    ]);
    expect(backfill.isOver).toBe(true);
  });

  test('goes over to the next process, and what an earlier build kept does, too', () => {
    const [first] = many(1);
    const old = Backfill.among([['backfill', JSON.stringify([[first], []])]]);
    expect(old?.take([], page({ isEnd: true })).findings).toEqual([first]);
    const backfill = new Backfill();
    backfill.take(many(200), page());
    backfill.take([spike('key_x')], page());
    const next = Backfill.among(backfill.changes().put);
    expect(conditions(next?.take([spike('key_x')], page()).findings ?? [])).toEqual(['key_x']);
    expect(next?.take([], page({ now: START + 15 * MINUTE })).signals).toHaveLength(1);
    const last = Backfill.among(next?.changes().put ?? []);
    expect(last?.take(many(200, { ended: true }), page()).signals).toMatchObject([{ type: 'resolve' }]);
  });

  test('is not told where the provider says that there is more and does not give it', async () => {
    w.log.push(...four());
    w.stuck = 'it is stuck';
    await w.poll();
    expect(await told()).toEqual([]);
    w.stuck = undefined;
    await w.poll();
    expect(await told()).toEqual(['warning together resolved']);
  });
});
