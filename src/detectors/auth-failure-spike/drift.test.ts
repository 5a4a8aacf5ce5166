import { describe, expect, it } from 'vitest';
import { DAY, MINUTE } from '../../model/index.ts';
import { randomFrom } from '../testing/traffic.ts';
import { DRIFT, minuteOf } from './bins.ts';
import { Failures, type Shot } from './failures.ts';
import { PRIORS } from './prior.ts';

const START = Date.UTC(2026, 9, 1);
const WATCHED = { since: minuteOf(START), perYear: 0.1, stream: 0 } as const;
/** Windows need more than this of a key that fails five times an hour; a drift needs less. */
const KNOWN = { failures: 240, bins: 2_880, dispersion: 1 };

function found(failures: Failures, times: readonly number[]): Shot[] {
  return times.flatMap((at) => failures.add(at, 1, WATCHED));
}

/** One failure in each of so many minutes. */
const every = (minutes: number, count: number, from = START): number[] =>
  Array.from({ length: count }, (_, index) => from + index * minutes * MINUTE);

describe('a drift', () => {
  it('is found where no window holds enough by itself', () => {
    const shots = found(new Failures([KNOWN, PRIORS[1]]), every(2, 60));
    expect(shots[0]?.test).toBe(DRIFT);
    expect((shots[0]?.minute ?? 0) - minuteOf(START)).toBeLessThan(120);
  });

  it('is none at what is usual, nor where a rise is over before it has lasted', () => {
    expect(found(new Failures([KNOWN, PRIORS[1]]), every(12, 200))).toEqual([]);
    const rises = Array.from({ length: 10 }, (_, turn) => every(2, 8, START + turn * 3 * 60 * MINUTE)).flat();
    expect(found(new Failures([KNOWN, PRIORS[1]]), rises)).toEqual([]);
  });

  it('ends with the failures: a stray one hours later is none of it', () => {
    const failures = new Failures([KNOWN, PRIORS[1]]);
    expect(found(failures, every(2, 60)).length).toBeGreaterThan(0);
    expect(found(failures, [START + 9 * 60 * MINUTE])).toEqual([]);
  });

  it('is not made of what was told: a stray failure after an attack is none', () => {
    const calm = { failures: 0.2, bins: 28_000, dispersion: 1 };
    for (const pause of [31, 33, 36, 40]) {
      const failures = new Failures([calm, PRIORS[1]]);
      expect(found(failures, every(1 / 6, 60)).length).toBeGreaterThan(0);
      expect(found(failures, [START + (9 + pause) * MINUTE])).toEqual([]);
    }
  });

  it('is the same in any order within five minutes, and whether it was stored between or not', () => {
    const times = every(2, 60).concat(every(17, 30, START + DAY));
    const marks = (order: readonly number[], stored: boolean) => {
      let failures = new Failures([KNOWN, PRIORS[1]]);
      let reached = 0;
      for (const at of order) {
        reached = Math.max(reached, at);
        failures.settle(minuteOf(reached) - 5, WATCHED, () => {});
        failures.add(at, 1, WATCHED);
        if (stored) failures = Failures.load(JSON.parse(JSON.stringify(failures.save())));
      }
      return failures.bins.map(({ minute, counts, fires }) => [minute, ...counts, ...fires]);
    };
    const inOrder = marks(times, false);
    expect(marks(times, true)).toEqual(inOrder);
    for (const seed of [1, 2, 3]) {
      const random = randomFrom(seed);
      const late = times.map((at) => [at + random() * 5 * MINUTE, at] as const).sort(([a], [b]) => a - b);
      expect(
        marks(
          late.map(([, at]) => at),
          false,
        ),
      ).toEqual(inOrder);
    }
  });
});
