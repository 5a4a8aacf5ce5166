import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { LogClock } from './log-clock.ts';
import { begun, play } from './testing/play.ts';
import * as traffic from './testing/traffic.ts';

const NOW = Date.UTC(2026, 9, 1);

describe('the log’s time', () => {
  test('is that of the latest event, or of the last poll that read to the end', () => {
    const clock = new LogClock(0);
    clock.readTo(NOW);
    expect([clock.reached, clock.take(NOW + MINUTE, NOW + 2 * MINUTE), clock.reached]).toEqual([
      NOW,
      NOW + MINUTE,
      NOW + MINUTE,
    ]);
  });

  test.each([
    ['the future', 300 * DAY],
    ['before all logs', -NOW],
    ['year 1', -NOW - 700_000 * DAY],
  ])('is not carried off by an event from %s, which counts as one of now', (_, off) => {
    const clock = new LogClock(NOW);
    expect(clock.take(NOW + off, NOW)).toBe(NOW);
    expect(clock.reached).toBe(NOW);
  });

  test('comes back when our clock does, and takes a leap of more than a week only from an event', () => {
    const clock = new LogClock(NOW);
    clock.readTo(NOW + 3_650 * DAY);
    expect(clock.reached).toBe(NOW);
    clock.readTo(NOW + 5 * HOUR);
    clock.readTo(NOW + MINUTE);
    expect(clock.reached).toBe(NOW + MINUTE);
    clock.take(NOW + 30 * DAY, NOW + 30 * DAY);
    clock.readTo(NOW + 30 * DAY + MINUTE);
    expect(clock.reached).toBe(NOW + 30 * DAY + MINUTE);
  });
});

test.each([5 * HOUR, 3_650 * DAY])(
  'an attack after a poll under a clock %i ms ahead is one alert',
  (ahead) => {
    const attack = traffic.onTime(
      traffic.attack({ from: NOW + 26 * HOUR, count: 200, every: MINUTE, ips: ['198.51.100.77'] }),
    );
    const quiet = traffic.onTime([
      ...traffic.traffic({ seed: 9, from: NOW, until: NOW + 30 * HOUR, failures: traffic.quiet }),
    ]);
    const arrivals = [...quiet, ...attack].sort((a, b) => a.at - b.at);
    const script = { from: NOW + MINUTE, until: NOW + 31 * HOUR };
    const told = play(arrivals, { ...script, wrong: { at: NOW + 25 * HOUR, ahead } });
    expect(begun(told)).toHaveLength(1);
  },
);
