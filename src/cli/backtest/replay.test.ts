import { expect, test } from 'vitest';
import { begun, play, rulesWith } from '../../detectors/testing/play.ts';
import { attack, event, onTime, shuffled } from '../../detectors/testing/traffic.ts';
import { DAY, type Finding, HOUR, type LogEvent, MINUTE, SECOND } from '../../model/index.ts';
import { Findings, type Found } from './found.ts';
import { Replay } from './replay.ts';

const NINE = Date.UTC(2026, 9, 1, 9);

function replay(events: readonly LogEvent[]): readonly Found[] {
  const findings = new Findings();
  const rules = rulesWith({ geolocations: ['DE'] });
  const run = new Replay({ monitor: 'log', rules, keys: [], locate: () => null }, (...told) =>
    findings.add(...told),
  );
  // Wherever the stream of events is cut.
  for (let from = 0; from < events.length; from += 7) run.take(events.slice(from, from + 7));
  run.end();
  return findings.all();
}

const usual = Array.from({ length: 72 }, (_, turn) =>
  event({ id: `usual-${turn}`, time: NINE + turn * 5 * MINUTE }),
);
const guessing = attack({ from: NINE + 3 * HOUR, count: 90, every: SECOND });
const day = onTime([...usual, ...guessing]).map((arrival) => arrival.event);

const facts = ({ kind, condition, at, firstEventAt }: Finding) => ({ kind, condition, at, firstEventAt });

test('a log is told of as it would have been in life, in the same poll', () => {
  for (const arrivals of [onTime([...usual, ...guessing]), shuffled([...usual, ...guessing], 3)]) {
    const events = arrivals.map((arrival) => arrival.event);
    const told = play(arrivals, {
      rules: rulesWith({ geolocations: ['DE'] }),
      from: NINE,
      until: NINE + 7 * HOUR,
    });
    const lived = begun(told);
    expect(lived.map(({ kind }) => kind)).toContain('auth-failure-spike');
    expect(replay(events).map((found) => found.begun.kind)).toEqual(lived.map(({ kind }) => kind));
  }
  const [found] = replay(day);
  expect(found?.toldAt).toBe(NINE + 3 * HOUR + MINUTE);
  expect(facts((found as Found).begun).firstEventAt).toBe(NINE + 3 * HOUR);
});

test('an event of a broken clock does not carry the time off', () => {
  const stray = event({ id: 'stray', time: NINE + 400 * DAY, ip: '203.0.113.5' });
  const at = day.findIndex(({ time }) => time > NINE + HOUR);
  const broken = [stray, ...day.slice(0, at), stray, ...day.slice(at)];
  expect(replay(broken).map((found) => facts(found.begun))).toEqual(
    replay(day).map((found) => facts(found.begun)),
  );
});

test('a gap of years takes no more polls than one of a month, and they stay on the minute', () => {
  const later = attack({ from: NINE + 5_000 * DAY + 30 * SECOND, count: 60, every: SECOND });
  let polls = 0;
  const told: number[] = [];
  const options = {
    monitor: 'log',
    rules: rulesWith(),
    locate: () => null,
    get keys() {
      polls += 1;
      return [];
    },
  };
  const run = new Replay(options, ({ ended }, polledAt) => {
    if (ended !== true) told.push(polledAt);
  });
  run.take([...day, ...later]);
  run.end();
  expect(polls).toBeLessThan(5_000);
  expect(told.every((at) => at % MINUTE === 0)).toBe(true);
  expect(told.some((at) => at > NINE + 5_000 * DAY && at <= NINE + 5_000 * DAY + 2 * MINUTE)).toBe(true);
});

test('what is open at the end is followed to its end, and nothing begins there', () => {
  const last = guessing.at(-1)?.time ?? 0;
  const [found, ...others] = replay(day.filter(({ time }) => time <= last));
  expect(found?.latest.ended).toBe(true);
  expect(found?.latest.evidence.count).toBe(90);
  expect(others).toEqual([]);
  const findings = new Findings();
  if (found !== undefined) findings.add(found.begun, last, true);
  expect(findings.all()).toEqual([]);
});

test('what is told after the end says so', () => {
  const told: boolean[] = [];
  const options = { monitor: 'log', rules: rulesWith(), keys: [], locate: () => null };
  const run = new Replay(options, (_finding, _polledAt, over) => told.push(over));
  run.take(guessing);
  run.end();
  expect([told.at(0), told.at(-1)]).toEqual([false, true]);
});

test('the same finding begins anew once it was over', () => {
  const again = attack({ from: NINE + 20 * HOUR, count: 90, every: SECOND });
  const found = replay([...day, ...again]);
  expect(found.map(({ latest }) => latest.condition)).toEqual([
    found[0]?.latest.condition,
    found[0]?.latest.condition,
  ]);
});
