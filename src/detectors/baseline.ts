import { type Json, list, number, numberOrNull, numbers } from './stored.ts';

/** The windows over which failures are judged, in bins of one minute. */
export const WINDOWS = [1, 10, 60, 720] as const;

const HOUR_BINS = 60;
/** Weekday and weekend, 24 hours each, in UTC. */
const SLOTS = 48;
/** What an hour has learnt fades by half in 14 days. */
const KEEP_HOUR = 0.5 ** (HOUR_BINS / 20_160);
/** What an hour of the day has learnt fades by half in 14 of its days. */
const KEEP_SLOT = 0.5 ** (1 / 14);
/** A key of which nothing is known: one failure in two days, believed as much as one day of watching. */
const PRIOR = { failures: 0.5, bins: 1_440 } as const;
/** Failures come in twos and threes until a key has shown otherwise; believed as much as so many expected failures. */
const PRIOR_DISPERSION = { value: 1.5, weight: 20 } as const;
/** An hour of the day differs from the mean once so many failures would be expected in it. */
const SLOT_WEIGHT = 10;
/** A bin teaches at most this, or four times what was expected: an attack that was not told must not become the habit. */
const TAUGHT = 20;
/**
 * The share of the time known that can be held out of the habit: one day in fourteen, so some 36 hours of a key that is
 * long known and two of a new one. What was told and takes no more is an attack; what takes more is a rise that lasts,
 * and is learnt, lest it page for ever. It is a share and no run of days, since a rise in office hours pauses each night.
 */
const HELD_OUT = 1 / 14;

/** What one bin held: minutes after the hour's begin, and failures. */
export type BinCount = readonly [offset: number, failures: number];

/** Bins of an hour from one offset to another, both included. */
export type Span = readonly [from: number, to: number];

/** How many failures a window should hold: mean and size of a negative binomial distribution. */
export type Expectation = { readonly mean: number; readonly size: number };

/**
 * The habit of one stream of failures: its decayed mean, its hours of the day, and for each window how much more
 * it scatters than chance alone (the dispersion φ: variance over mean). It learns whole hours in their order.
 */
export class Baseline {
  /** The next hour to learn, since the epoch; null until the first. */
  #hour: number | null = null;
  #failures = 0;
  #bins = 0;
  /** How many of the bins were held out. */
  #heldOut = 0;
  #squares = [0, 0, 0, 0];
  #expected = [0, 0, 0, 0];
  /** The half day that is under way: failures, expectation. */
  #half = [0, 0];
  #slotFailures: number[] = new Array<number>(SLOTS).fill(0);
  #slotExpected: number[] = new Array<number>(SLOTS).fill(0);

  static load(stored: Json | undefined): Baseline {
    const loaded = new Baseline();
    const [hour, failures, bins, heldOut, squares, expected, half, slotFailures, slotExpected] = list(stored);
    loaded.#hour = numberOrNull(hour ?? null);
    loaded.#failures = number(failures);
    loaded.#bins = number(bins);
    loaded.#heldOut = number(heldOut);
    loaded.#squares = numbers(squares, WINDOWS.length);
    loaded.#expected = numbers(expected, WINDOWS.length);
    loaded.#half = numbers(half, 2);
    loaded.#slotFailures = numbers(slotFailures, SLOTS);
    loaded.#slotExpected = numbers(slotExpected, SLOTS);
    return loaded;
  }

  save(): Json {
    return [
      this.#hour,
      this.#failures,
      this.#bins,
      this.#heldOut,
      this.#squares,
      this.#expected,
      this.#half,
      this.#slotFailures,
      this.#slotExpected,
    ];
  }

  copy(): Baseline {
    const twin = new Baseline();
    twin.#hour = this.#hour;
    twin.#failures = this.#failures;
    twin.#bins = this.#bins;
    twin.#heldOut = this.#heldOut;
    twin.#squares = [...this.#squares];
    twin.#expected = [...this.#expected];
    twin.#half = this.#half;
    twin.#slotFailures = [...this.#slotFailures];
    twin.#slotExpected = [...this.#slotExpected];
    return twin;
  }

  get hour(): number | null {
    return this.#hour;
  }

  /** Begins with this hour, if it has not begun. */
  begin(hour: number): void {
    this.#hour ??= hour;
  }

  /** Failures a day, over all hours. */
  get perDay(): number {
    return this.#rate() * 1_440;
  }

  #rate(): number {
    return (this.#failures + PRIOR.failures) / (this.#bins + PRIOR.bins);
  }

  /** Failures expected in a bin of that hour. */
  perBin(hour: number): number {
    const slot = slotOf(hour);
    const seen = this.#slotFailures[slot] ?? 0;
    const expected = this.#slotExpected[slot] ?? 0;
    return (this.#rate() * (seen + SLOT_WEIGHT)) / (expected + SLOT_WEIGHT);
  }

  /** What the window that ends with the given bin should hold. */
  expect(bin: number, window: number): Expectation {
    const width = WINDOWS[window] ?? 1;
    let mean = 0;
    for (let from = bin - width + 1; from <= bin; ) {
      const hour = Math.floor(from / HOUR_BINS);
      const next = Math.min(bin + 1, (hour + 1) * HOUR_BINS);
      mean += this.perBin(hour) * (next - from);
      from = next;
    }
    // Variance: the mean times φ, and what is not known of the mean itself.
    const excess = (this.#dispersion(window) - 1) / mean;
    return { mean, size: 1 / (excess + 1 / (this.#failures + PRIOR.failures)) };
  }

  #dispersion(window: number): number {
    const { value, weight } = PRIOR_DISPERSION;
    const squares = this.#squares[window] ?? 0;
    const expected = this.#expected[window] ?? 0;
    return Math.max(1, (value * weight + squares) / (weight + expected));
  }

  /**
   * Learns the next hour from its bins that held failures; nothing where it has not begun. The `told` spans, in no
   * overlap, belong to an episode: their bins teach what was expected in them, unless too many did already.
   */
  learn(bins: readonly BinCount[], told: readonly Span[]): void {
    if (this.#hour === null) return;
    const expected = this.perBin(this.#hour);
    const most = Math.max(TAUGHT, 4 * expected);
    const heldOut = this.#heldOut < HELD_OUT * (this.#bins + PRIOR.bins) ? told : [];
    const tens = [0, 0, 0, 0, 0, 0];
    let squares = HOUR_BINS * expected ** 2;
    for (const [offset, count] of bins) {
      if (heldOut.some(([from, to]) => offset >= from && offset <= to)) continue;
      const taught = Math.min(count, most);
      squares += (taught - expected) ** 2 - expected ** 2;
      add(tens, offset, taught);
    }
    let held = 0;
    for (const [from, to] of heldOut) {
      for (let offset = from; offset <= to; offset += 1) add(tens, offset, expected);
      held += to - from + 1;
    }
    squares -= held * expected ** 2;
    const failures = tens.reduce((sum, count) => sum + count, 0);
    this.#scatter(0, squares, HOUR_BINS * expected);
    this.#scatter(
      1,
      tens.reduce((sum, count) => sum + (count - 10 * expected) ** 2, 0),
      HOUR_BINS * expected,
    );
    this.#scatter(2, (failures - HOUR_BINS * expected) ** 2, HOUR_BINS * expected);
    this.#learnHalfDay(failures, HOUR_BINS * expected);
    this.#learnMean(failures);
    this.#heldOut = this.#heldOut * KEEP_HOUR + held;
    this.#hour += 1;
  }

  #scatter(window: number, squares: number, expected: number): void {
    this.#squares[window] = (this.#squares[window] ?? 0) * KEEP_HOUR + squares;
    this.#expected[window] = (this.#expected[window] ?? 0) * KEEP_HOUR + expected;
  }

  #learnHalfDay(failures: number, expected: number): void {
    const [had = 0, should = 0] = this.#half;
    const done = ((this.#hour ?? 0) + 1) % 12 === 0;
    this.#half = done ? [0, 0] : [had + failures, should + expected];
    this.#scatter(3, done ? (had + failures - should - expected) ** 2 : 0, done ? should + expected : 0);
  }

  #learnMean(failures: number): void {
    const slot = slotOf(this.#hour ?? 0);
    const flat = this.#rate() * HOUR_BINS;
    this.#slotFailures[slot] = short((this.#slotFailures[slot] ?? 0) * KEEP_SLOT + failures);
    this.#slotExpected[slot] = short((this.#slotExpected[slot] ?? 0) * KEEP_SLOT + flat);
    this.#failures = this.#failures * KEEP_HOUR + failures;
    this.#bins = this.#bins * KEEP_HOUR + HOUR_BINS;
  }
}

function add(tens: number[], offset: number, failures: number): void {
  const ten = Math.floor(offset / 10);
  tens[ten] = (tens[ten] ?? 0) + failures;
}

/** The hour's place in the week, Saturdays and Sundays apart. The epoch was a Thursday. */
function slotOf(hour: number): number {
  const day = (Math.floor(hour / 24) + 4) % 7;
  return (hour % 24) + (day === 0 || day === 6 ? 24 : 0);
}

/** Few digits, so that 96 of them for every stream stay small when they are stored. */
function short(value: number): number {
  return Number(value.toPrecision(4));
}
