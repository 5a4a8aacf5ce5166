import { type Json, text } from '../stored.ts';
import { BOUT, CROWD, type Together, widthOf } from './bins.ts';
import { packSingles, unpackSingles } from './codec.ts';
import { upperTail } from './negative-binomial.ts';

const MINUTES_A_YEAR = 525_600;
const HOUR_BINS = 60;
/** What an hour has learnt fades by half in 14 days, as the rest of a habit does. */
const KEEP_HOUR = 0.5 ** (HOUR_BINS / 20_160);
/** Before any group has come, they are believed to be of some three, and to differ; as much as ten that came in a day. */
const PRIOR = { sums: [10, 30, 130], bins: 1_440 } as const;
/** Bursts may overlap, and of few groups it is not known well how they scatter: a deviation is added. */
const SPARE = 1.3;
/** No group is counted to be larger. */
const MOST = 1_000;

/** Σs, Σs² and Σs³ of the sizes of groups, as they fade. */
type Sums = readonly [sizes: number, squares: number, cubes: number];

/**
 * How large the groups are that come together. The group that one of those who come finds himself in has the mean size
 * Σs²/Σs; what it has beyond him is taken to be negative binomial. So bursts that are all alike are told from many at
 * once, where a count over time has to allow for any number of bursts in a window.
 */
export class GroupSizes {
  #sums: Sums;
  #least: { readonly allowed: number; readonly size: number } | null = null;

  constructor(sums: Sums = [0, 0, 0]) {
    this.#sums = sums;
  }

  get sums(): Sums {
    return this.#sums;
  }

  learn(groups: readonly number[]): void {
    let [sizes, squares, cubes] = this.#sums;
    [sizes, squares, cubes] = [sizes * KEEP_HOUR, squares * KEEP_HOUR, cubes * KEEP_HOUR];
    for (const size of groups) {
      sizes += size;
      squares += size ** 2;
      cubes += size ** 3;
    }
    this.#sums = [Math.fround(sizes), Math.fround(squares), Math.fround(cubes)];
    this.#least = null;
  }

  /** The smallest size that comes less often than so many times a minute, after so many minutes were learnt. */
  least(allowed: number, bins: number): number {
    if (this.#least?.allowed !== allowed) {
      let size = 2;
      while (size < MOST && this.chance(size, bins) >= allowed) size += 1;
      this.#least = { allowed, size };
    }
    return this.#least.size;
  }

  /** How many come in a minute. */
  perBin(bins: number): number {
    return (this.#sums[0] + PRIOR.sums[0]) / (bins + PRIOR.bins);
  }

  /** How often in a minute a group comes that is at least so large. */
  chance(size: number, bins: number): number {
    const [sizes, squares, cubes] = this.#sums;
    const all = sizes + PRIOR.sums[0];
    const mean = (squares + PRIOR.sums[1]) / all;
    const variance = (cubes + PRIOR.sums[2]) / all - mean ** 2;
    const dispersion = Math.max(1.01, variance / (mean - 1)) * (SPARE + 1 / Math.sqrt(all / mean));
    const share = size > mean ? upperTail(size - 1, mean - 1, (mean - 1) / (dispersion - 1)) : 1;
    return (this.perBin(bins) * share) / size;
  }
}

/** What is usual of the new addresses that fail with a key: how many together, and how often one of them. */
export class CrowdHabit {
  /** Minutes learnt, as they fade. */
  #bins: number;
  readonly #sizes: readonly [GroupSizes, GroupSizes];

  constructor(bins = 0, sizes: readonly [GroupSizes, GroupSizes] = [new GroupSizes(), new GroupSizes()]) {
    this.#bins = bins;
    this.#sizes = sizes;
  }

  /** What an earlier build kept has none. @throws {TypeError} where what is stored is damaged */
  static load(stored: Json | undefined): CrowdHabit {
    if (stored === undefined) return new CrowdHabit();
    const [bins = 0, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = unpackSingles(text(stored), 7);
    return new CrowdHabit(bins, [new GroupSizes([a, b, c]), new GroupSizes([d, e, f])]);
  }

  /** Minutes learnt, as they fade. */
  get bins(): number {
    return this.#bins;
  }

  save(): Json {
    return packSingles([this.#bins, ...this.#sizes[0].sums, ...this.#sizes[1].sums]);
  }

  copy(): CrowdHabit {
    const [crowds, bouts] = this.#sizes;
    return new CrowdHabit(this.#bins, [new GroupSizes(crowds.sums), new GroupSizes(bouts.sums)]);
  }

  /** Learns an hour: how many new addresses failed together in each part of it, and how often the one that did most. */
  learn(crowds: readonly number[], bouts: readonly number[]): void {
    this.#sizes[0].learn(crowds);
    this.#sizes[1].learn(bouts);
    this.#bins = Math.fround(this.#bins * KEEP_HOUR + HOUR_BINS);
  }

  /** The smallest number that is beyond chance where so many pages a year are allowed. */
  least(test: Together, perYear: number): number {
    return this.#of(test).least(perYear / MINUTES_A_YEAR, this.#bins);
  }

  /** As many as are usual in the time that the test looks at. */
  expected(test: Together): number {
    return this.#of(test).perBin(this.#bins) * widthOf(test);
  }

  /** How each test fares: the chance is that of a minute. */
  judge(counts: readonly [crowd: number, bout: number]) {
    return ([CROWD, BOUT] as const).map((test, index) => {
      const count = counts[index] ?? 0;
      const chance = count === 0 ? 1 : this.#of(test).chance(count, this.#bins);
      return { test, count, expected: this.expected(test), chance };
    });
  }

  #of(test: Together): GroupSizes {
    return this.#sizes[test === CROWD ? 0 : 1];
  }
}
