import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../model/index.ts';
import { randomFrom } from '../testing/traffic.ts';
import { minuteOf } from './bins.ts';
import { Failures } from './failures.ts';

const START = Date.UTC(2026, 9, 1);
const WATCHED = { since: minuteOf(START), perYear: 0.1, stream: 1 } as const;

describe('the windows of a bin', () => {
  it('hold what a count of every bin gives, whether it was carried along or not', () => {
    const random = randomFrom(4);
    const failures = new Failures([
      { failures: 5, bins: 10, dispersion: 3 },
      { failures: 5, bins: 10, dispersion: 3 },
    ]);
    const counts = new Map<number, number>();
    for (let at = START; at < START + 30 * HOUR; at += MINUTE) {
      const count = Math.floor(random() * 3);
      if (count === 0) continue;
      failures.settle(minuteOf(at) - 5, WATCHED, () => {});
      expect(failures.add(at, count, WATCHED)).toEqual([]);
      counts.set(minuteOf(at), count);
      if (random() < 0.95) continue;
      const late = at - 3 * MINUTE;
      if (random() < 0.3 && late >= START) {
        failures.add(late, 1, WATCHED);
        counts.set(minuteOf(late), (counts.get(minuteOf(late)) ?? 0) + 1);
      }
      const held = failures.why(minuteOf(at), WATCHED).windows.map(({ count: found }) => found);
      const again = Failures.load(JSON.parse(JSON.stringify(failures.save())));
      expect(again.why(minuteOf(at), WATCHED).windows.map(({ count: found }) => found)).toEqual(held);
      const sum = (bins: number, most = 100) =>
        Array.from({ length: bins }, (_, age) => Math.min(counts.get(minuteOf(at) - age) ?? 0, most)).reduce(
          (a, b) => a + b,
        );
      expect(held.slice(0, 3)).toEqual([sum(1), sum(10), sum(60)]);
      expect([2, 3, 4].map((most) => sum(720, most))).toContain(held[3]);
    }
  });
});

describe('a key among bursty ones', () => {
  const BURSTY = { failures: 0.5, bins: 1_440, dispersion: 15 };
  /** Failures within a minute until they are too many. */
  const neededAfter = (days: number): number => {
    const failures = new Failures([BURSTY, BURSTY]);
    const watched = { ...WATCHED, since: minuteOf(START - days * DAY), stream: 0 } as const;
    failures.settle(minuteOf(START) - 5, watched, () => {});
    for (let count = 1; count < 500; count += 1) {
      if (failures.add(START, 1, watched).length > 0) return count;
    }
    return Number.POSITIVE_INFINITY;
  };

  it('is taken for one of them while it is new, and no longer once it has been calm for a week or two', () => {
    expect(neededAfter(0)).toBeGreaterThan(30);
    expect(neededAfter(7)).toBeLessThanOrEqual(16);
    expect(neededAfter(14)).toBeLessThanOrEqual(8);
  });
});
