import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE, SECOND } from '../../model/index.ts';
import { begun, type Play, play, rulesWith } from '../testing/play.ts';
import { attack, event, onTime, quiet, randomFrom, traffic } from '../testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const RULES = rulesWith({ detectors: { 'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 } } });
const SCRIPT: Play = { rules: RULES, from: START, until: START + DAY, every: 10 * MINUTE };

const byTime = (events: readonly LogEvent[]) => onTime(events.toSorted((a, b) => a.time - b.time));

/** Of an account that is read from its first event on: each key is refused all day, from its own addresses. */
function busyKeys(count: number): LogEvent[] {
  return Array.from({ length: count }, (_, index) => [
    ...traffic({
      seed: 300 + index,
      from: START,
      until: START + DAY,
      failures: () => (50 + 15 * index) / 1_440,
      keyId: `busy_${index}`,
      ips: Array.from({ length: 8 }, (__, host) => `203.0.${index}.${host}`),
    }),
  ]).flat();
}

/** Functions whose token expires every two hours: some ten of them, new ones among them, are refused and then get in. */
function functions(keyId: string, seed: number): LogEvent[] {
  const random = randomFrom(seed);
  const events: LogEvent[] = [];
  for (let at = START + random() * 2 * HOUR; at < START + DAY; at += (1.5 + random()) * HOUR) {
    for (let left = 6 + Math.floor(random() * 6); left > 0; left -= 1) {
      const ip = `100.${seed}.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}`;
      const time = Math.floor(at + random() * 90 * SECOND);
      events.push(event({ id: `${keyId}-${time}-${ip}`, time, keyId, ip, status: 401 }));
      events.push(event({ id: `${keyId}-${time}-${ip}-in`, time: time + 4 * SECOND, keyId, ip }));
    }
  }
  return events;
}

describe('on the first day of an account, of which nothing is known', () => {
  it('keys that are refused all day are no page each', () => {
    const pages = begun(play(byTime(busyKeys(20)), SCRIPT)).filter(({ keyId }) => keyId !== null);
    expect(pages.map(({ title }) => title)).toEqual([]);
  });

  it('keys whose tokens expire are a page or two each at most, and not one at every expiry', () => {
    const events = [1, 2, 3, 4, 5, 6].flatMap((seed) => functions(`cloud_${seed}`, seed));
    const pages = begun(play(byTime(events), SCRIPT)).filter(({ keyId }) => keyId !== null);
    expect(pages.length).toBeLessThanOrEqual(4);
  });

  it.each([
    ['5 a second', 200, 600, 1],
    ['10 a minute', 6 * SECOND, 200, 2],
    ['3 a minute', 20 * SECOND, 180, 6],
    ['one in 3 minutes', 3 * MINUTE, 160, 75],
  ])(
    'an attack with %s is told in time, two hours after the start and at its very begin',
    (_, every, count, polls) => {
      for (const after of [0, 2 * HOUR]) {
        const from = START + after;
        const usual = [...traffic({ seed: 8, from: START, until: START + DAY, failures: quiet })];
        const told = play(byTime([...usual, ...attack({ from, count, every })]), {
          ...SCRIPT,
          every: MINUTE,
        });
        const [page, ...more] = begun(told);
        expect((page?.at ?? Number.POSITIVE_INFINITY) - from).toBeLessThan(polls * MINUTE);
        expect(more).toEqual([]);
      }
    },
  );

  it('what was told is not learnt: the same attack is told as soon ten hours later', () => {
    const usual = [...traffic({ seed: 8, from: START, until: START + DAY, failures: quiet })];
    const guesses = (hour: number, ip: string) =>
      attack({ from: START + hour * HOUR, count: 600, every: 6 * SECOND, ips: [ip] });
    const events = byTime([...usual, ...guesses(2, '198.51.100.77'), ...guesses(12, '198.51.100.78')]);
    const pages = begun(play(events, { ...SCRIPT, until: START + 14 * HOUR, every: MINUTE }));
    expect(pages.map(({ ips }) => ips)).toEqual([['198.51.100.77'], ['198.51.100.78']]);
    for (const [index, hour] of [2, 12].entries())
      expect((pages[index]?.at ?? 0) - START - hour * HOUR).toBeLessThan(2 * MINUTE);
  });
});
