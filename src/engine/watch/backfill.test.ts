import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HOUR, type LogEvent, MINUTE, SECOND } from '../../model/index.ts';
import { NO_RULES, START, WatchWorld } from './testing/world.ts';

let w: WatchWorld;
beforeEach(async () => {
  w = await WatchWorld.open();
  w.rules = { ...NO_RULES, detectors: { 'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 } } };
});
afterEach(() => w.state.close());

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

/** With one more they are told together. */
const three = () => ['key_a', 'key_b', 'key_c'].flatMap((keyId, index) => burst(keyId, (9 - index) * HOUR));

describe('what the first reading of a log finds beyond habit', () => {
  test('is one warning with all keys', async () => {
    w.log.push(...three(), ...calls(), ...burst('key_d', 0));
    await w.poll();
    expect(await told()).toEqual(['warning together resolved']);
    const [report] = (await w.state.alerts({})).items;
    expect(report).toMatchObject({ kind: 'auth-failure-spike', monitor: 'log' });
    expect(report?.title).toMatch(
      /^4 bursts of refused logins on 4 keys in the 9h\w* before log was first read; in 0 a source got in, 1 go on$/,
    );
    expect(report?.evidence).toMatchObject({
      count: 4,
      keys: ['key_d', 'key_a', 'key_b', 'key_c'],
      ips: ['198.51.100.7'],
    });
    w.now += 2 * HOUR;
    await w.poll();
    expect(await told()).toEqual(['warning together resolved']);
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
    expect((await w.state.watchGeneral('log')).map(([name]) => name)).not.toContain('backfill');
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
