import { type Json, numbers } from '../stored.ts';
import type { Baseline } from './baseline.ts';
import { type Bin, reachOf, type Stream } from './bins.ts';

const MINUTES_A_YEAR = 525_600;
/** A rise is worth a page from four times what is usual, and from one failure in four minutes. */
const RISE = { times: 4, least: 0.25 } as const;
/** So many failures, less what is taken off, at least. */
const LEAST = 4.5;

/**
 * Page's cumulative sum of a stream's failures (E. S. Page, Continuous Inspection Schemes, 1954) after a bin: the rate
 * λ0 that may well be usual is held against λ1 = max(4·λ0, λ0 + ¼). Each bin adds its failures and takes off
 * (λ1 − λ0)/ln(λ1/λ0); the sum falls below nothing never, and above its limit neither, so that it ends with the drift.
 */
export type Drift = { readonly sum: number; readonly minute: number };

const NO_DRIFT: Drift = { sum: 0, minute: 0 };

/** @throws {TypeError} where it is damaged */
export function loadDrift(stored: Json | undefined): Drift {
  const [sum = 0, minute = 0] = numbers(stored, 2);
  return { sum, minute };
}

/**
 * What is taken off in each bin of an hour, and above which limit the sum is beyond chance:
 * max(4.5, φ·ln(minutes a year/β)/ln(λ1/λ0)), β being the false alarms allowed a year.
 */
export function termsOf(
  habit: Baseline,
  hour: number,
  perYear: number,
): { readonly off: number; readonly limit: number } {
  const usual = habit.atMost(hour);
  const risen = Math.max(RISE.times * usual, usual + RISE.least);
  const log = Math.log(risen / usual);
  const limit = Math.max(LEAST, (habit.dispersion(1) * Math.log(MINUTES_A_YEAR / perYear)) / log);
  return { off: (risen - usual) / log, limit };
}

/** What a drift is judged by in an hour; a bin counts `most` at most. */
export type Terms = { readonly off: number; readonly limit: number; readonly most: number };

/** The cumulative sum of one stream, carried from bin to bin: what has settled is kept, what has not is made anew. */
export class DriftSum {
  readonly #stream: Stream;
  #settled: Drift;
  /** After the last bin but the one looked at; null: to be made anew. */
  #ahead: Drift | null = null;

  constructor(stream: Stream, settled = NO_DRIFT) {
    this.#stream = stream;
    this.#settled = settled;
  }

  save(): Json {
    return [this.#settled.sum, this.#settled.minute];
  }

  /** Bins that had been looked at have changed. */
  forget(): void {
    this.#ahead = null;
  }

  /** The bins up to that index change no more. */
  settle(bins: readonly Bin[], end: number, termsOf: (minute: number) => Terms): void {
    this.#settled = this.#through(bins, end, this.#settled, termsOf).at;
  }

  /** Whether it is beyond chance at the bin with that index. */
  beyond(bins: readonly Bin[], index: number, termsOf: (minute: number) => Terms): boolean {
    const minute = bins[index]?.minute ?? 0;
    const ahead = this.#ahead;
    const from = ahead !== null && ahead.minute < minute && ahead.minute >= this.#settled.minute;
    const before = this.#through(bins, index - 1, from ? ahead : this.#settled, termsOf).at;
    this.#ahead = before;
    return this.#through(bins, index, before, termsOf).beyond;
  }

  /** The sum after the bin at that index, and whether it was beyond chance there. */
  #through(
    bins: readonly Bin[],
    end: number,
    { sum, minute }: Drift,
    termsOf: (minute: number) => Terms,
  ): { readonly at: Drift; readonly beyond: boolean } {
    let beyond = false;
    let index = end;
    while ((bins[index - 1]?.minute ?? 0) > minute) index -= 1;
    for (; index <= end; index += 1) {
      const bin = bins[index];
      const count = bin?.counts[this.#stream] ?? 0;
      if (bin === undefined || bin.minute <= minute) continue;
      if (count === 0 && sum === 0) {
        ({ minute } = bin);
        continue;
      }
      const { off, limit, most } = termsOf(bin.minute);
      const left = isAfresh(bins[index - 1], bin) ? 0 : Math.max(0, sum - (bin.minute - minute - 1) * off);
      if (count === 0) {
        // What the other stream's bins find still falling is left as it is: it falls by the hour of the next failure.
        if (left === 0) [sum, minute] = [0, bin.minute];
        continue;
      }
      const risen = Math.max(0, left + Math.min(count, most) - off);
      beyond = risen > limit;
      sum = Math.min(risen, limit);
      ({ minute } = bin);
    }
    return { at: { sum, minute }, beyond };
  }
}

/** Whether the bin comes after an episode: what was told is no evidence of a drift that goes on. */
function isAfresh(before: Bin | undefined, bin: Bin): boolean {
  return before?.fired === true && bin.minute > before.minute + reachOf(before);
}
