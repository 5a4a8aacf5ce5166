import { type Json, list, numberOrNull, numbers, text } from '../stored.ts';
import { atLevel, levelOf, packLevels, packSingles, unpackLevels, unpackSingles } from './codec.ts';
import { type Lesson, NO_LESSON, type Prior } from './prior.ts';

/** The windows over which failures are judged, in bins of one minute. */
export const WINDOWS = [1, 10, 60, 720] as const;

export const HOUR_BINS = 60;
export const DAY_BINS = 1_440;
/** What a stream has shown in less than six hours is not taken for what it does all day. */
const FEW_BINS = 360;
/** Weekday and weekend, 24 hours each, in UTC. */
const SLOTS = 48;
/** What an hour has learnt fades by half in 14 days. */
const KEEP_HOUR = 0.5 ** (HOUR_BINS / 20_160);
/** What an hour of the day has learnt fades by half in 14 of its days. */
const KEEP_SLOT = 0.5 ** (1 / 14);
/** What a stream is believed to be before it has shown anything is believed as much as so many expected failures. */
const DISPERSION_WEIGHT = 20;
/** What other keys let expect of its dispersion is believed half as much after two days of its own: calm shows at once. */
const OTHERS = 2_880;
/** An hour of the day differs from the mean once so many failures would be expected in it. */
const SLOT_WEIGHT = 3;
/** Bins of a key, as they fade, when it has been known for ten days: every day of the week, and the first one again. */
const WEEK = 12_000;
/** A bin teaches at most this, or four times what was expected: an attack that was not told must not become the habit. */
const TAUGHT = 20;
/**
 * The share of the time known that can be held out of the habit: one day in fourteen, so some 36 hours of a key that is
 * long known and two of a new one, whose first day counts as known from its begin. What was told and takes no more is an
 * attack; what takes more is a rise that lasts, and is learnt, lest it page for ever. An hour in which anything is held
 * out counts whole: a burst of two minutes takes as much as an hour of guessing, and is learnt where it comes every few
 * hours. It is a share and no run of days, since a rise in office hours pauses each night.
 */
const HELD_OUT = 1 / 14;

/** Numbers that are stored of a stream, beside its hours of the day. */
const SUMS = 13;

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
  readonly #prior: Prior;
  /** The dispersion of a key that does not take after the others. */
  readonly #calm: number;
  /** The next hour to learn, since the epoch; null until the first. */
  #hour: number | null = null;
  #failures = 0;
  #bins = 0;
  /** How many of the bins lie in hours of which some were held out. */
  #heldOut = 0;
  #squares = [0, 0, 0, 0];
  #expected = [0, 0, 0, 0];
  /** The half day that is under way: failures, expectation. */
  #half = [0, 0];
  /** Failures of each hour of the day, then what a flat day would have had, as levels; null until there is one. */
  #slots: Uint16Array | null = null;
  #lesson: Lesson = NO_LESSON;
  #busiest: number | null = null;
  #belief: number | null = null;

  constructor(prior: Prior, calm = prior.dispersion) {
    this.#prior = prior;
    this.#calm = calm;
  }

  static load(stored: Json | undefined, prior: Prior, calm = prior.dispersion): Baseline {
    const loaded = new Baseline(prior, calm);
    if (stored === null) return loaded;
    const [hour, sums, slots] = list(stored);
    const [failures = 0, bins = 0, heldOut = 0, ...scatter] = loadSums(sums);
    loaded.#hour = numberOrNull(hour ?? null);
    loaded.#failures = failures;
    loaded.#bins = bins;
    loaded.#heldOut = heldOut;
    loaded.#squares = scatter.slice(0, 4);
    loaded.#expected = scatter.slice(4, 8);
    loaded.#half = scatter.slice(8);
    loaded.#slots = slots === null ? null : unpackLevels(text(slots), 2 * SLOTS);
    return loaded;
  }

  /** Null where it has not begun. */
  save(): Json {
    if (this.#hour === null) return null;
    const means = [this.#failures, this.#bins, this.#heldOut];
    return [
      this.#hour,
      packSingles([...means, ...this.#squares, ...this.#expected, ...this.#half]),
      this.#slots === null ? null : packLevels(this.#slots),
    ];
  }

  copy(): Baseline {
    const twin = new Baseline(this.#prior, this.#calm);
    twin.#hour = this.#hour;
    twin.#failures = this.#failures;
    twin.#bins = this.#bins;
    twin.#heldOut = this.#heldOut;
    twin.#squares = [...this.#squares];
    twin.#expected = [...this.#expected];
    twin.#half = this.#half;
    twin.#slots = this.#slots?.slice() ?? null;
    return twin;
  }

  get hour(): number | null {
    return this.#hour;
  }

  /** Begins with this hour, if it has not begun. */
  begin(hour: number): void {
    this.#hour ??= hour;
  }

  /** Minutes learnt, as they fade. */
  get bins(): number {
    return this.#bins;
  }

  /** Failures a day, over all hours. */
  get perDay(): number {
    return this.#rate() * DAY_BINS;
  }

  /** Failures a day that it has shown, whatever is believed of it: of a key that is new, hardly any. */
  get shownPerDay(): number {
    return (this.#failures * DAY_BINS) / (this.#bins + FEW_BINS);
  }

  #rate(): number {
    return (this.#failures + this.#prior.failures) / (this.#bins + this.#prior.bins);
  }

  /** Failures expected in a bin of that hour. */
  perBin(hour: number): number {
    return this.#perBinOf(slotOf(hour));
  }

  #perBinOf(slot: number): number {
    const seen = atLevel(this.#slots?.[slot] ?? 0);
    const expected = atLevel(this.#slots?.[SLOTS + slot] ?? 0);
    return (this.#rate() * (seen + SLOT_WEIGHT)) / (expected + SLOT_WEIGHT);
  }

  /** What the window that ends with the given bin should hold. */
  expect(bin: number, window: number): Expectation {
    const width = WINDOWS[window] ?? 1;
    let mean = 0;
    let known = 0;
    for (let from = bin - width + 1; from <= bin; ) {
      const hour = Math.floor(from / HOUR_BINS);
      const next = Math.min(bin + 1, (hour + 1) * HOUR_BINS);
      mean += this.perBin(hour) * (next - from);
      known += this.#known(hour);
      from = next;
    }
    // Variance: the mean times φ, and what is not known of the mean itself.
    const excess = (this.dispersion(window) - 1) / mean;
    return { mean, size: 1 / (excess + 1 / (this.#failures + this.#prior.failures) + 1 / known) };
  }

  /** How many failures the share of an hour of the day rests on. */
  #known(hour: number): number {
    return atLevel(this.#slots?.[slotOf(hour)] ?? 0) + SLOT_WEIGHT;
  }

  /**
   * Failures in a bin of that hour as there may well be, two deviations of what is not known above the expectation. As
   * long as the days of a week are not known, any hour may be like the busiest.
   */
  atMost(hour: number): number {
    const usual = this.#bins < WEEK ? Math.max(this.perBin(hour), this.#peak()) : this.perBin(hour);
    const unknown = 1 / this.#known(hour) + 1 / (this.#failures + this.#prior.failures);
    return usual * (1 + 2 * Math.sqrt(unknown));
  }

  /** Failures in a bin of the busiest hour. */
  #peak(): number {
    if (this.#slots === null) return 0;
    if (this.#busiest !== null) return this.#busiest;
    let most = 0;
    for (let slot = 0; slot < SLOTS; slot += 1) most = Math.max(most, this.#perBinOf(slot));
    this.#busiest = most;
    return most;
  }

  /** Variance over mean of the window's count. */
  dispersion(window: number): number {
    const squares = this.#squares[window] ?? 0;
    const expected = this.#expected[window] ?? 0;
    return Math.max(1, (this.#believed() * DISPERSION_WEIGHT + squares) / (DISPERSION_WEIGHT + expected));
  }

  /**
   * The dispersion to go by as long as the stream shows none. A key that hardly fails never shows any, and must not be
   * taken for a bursty one because those are the ones that teach.
   */
  #believed(): number {
    this.#belief ??= this.#calm + (this.#prior.dispersion - this.#calm) * 0.5 ** (this.#bins / OTHERS);
    return this.#belief;
  }

  /** What was learnt since this was last asked. */
  lesson(): Lesson {
    const lesson = this.#lesson;
    this.#lesson = NO_LESSON;
    return lesson;
  }

  /**
   * Learns the next hour from its bins that held failures; nothing where it has not begun. The `told` spans, in no
   * overlap, belong to an episode: their bins teach what was expected in them, unless too many did already. Gives the
   * spans that were held out.
   */
  learn(bins: readonly BinCount[], told: readonly Span[]): readonly Span[] {
    if (this.#hour === null) return [];
    const expected = this.perBin(this.#hour);
    const most = Math.max(TAUGHT, 4 * expected);
    const known = this.#bins + Math.max(DAY_BINS, this.#prior.bins);
    const heldOut = this.#heldOut < HELD_OUT * known ? told : [];
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
    const tenSquares = tens.reduce((sum, count) => sum + (count - 10 * expected) ** 2, 0);
    this.#scatter(0, squares, HOUR_BINS * expected);
    this.#scatter(1, tenSquares, HOUR_BINS * expected);
    this.#scatter(2, (failures - HOUR_BINS * expected) ** 2, HOUR_BINS * expected);
    this.#learnHalfDay(failures, HOUR_BINS * expected);
    this.#learnMean(failures);
    this.#busiest = null;
    this.#belief = null;
    this.#lesson = {
      failures: this.#lesson.failures + failures,
      bins: this.#lesson.bins + HOUR_BINS,
      squares: this.#lesson.squares + tenSquares,
      expected: this.#lesson.expected + HOUR_BINS * expected,
    };
    this.#heldOut = short(this.#heldOut * KEEP_HOUR + (held === 0 ? 0 : HOUR_BINS));
    this.#hour += 1;
    return heldOut;
  }

  #scatter(window: number, squares: number, expected: number): void {
    this.#squares[window] = short((this.#squares[window] ?? 0) * KEEP_HOUR + squares);
    this.#expected[window] = short((this.#expected[window] ?? 0) * KEEP_HOUR + expected);
  }

  #learnHalfDay(failures: number, expected: number): void {
    const [had = 0, should = 0] = this.#half;
    const done = ((this.#hour ?? 0) + 1) % 12 === 0;
    this.#half = done ? [0, 0] : [short(had + failures), short(should + expected)];
    this.#scatter(3, done ? (had + failures - should - expected) ** 2 : 0, done ? should + expected : 0);
  }

  #learnMean(failures: number): void {
    if (failures > 0 || this.#slots !== null) {
      this.#slots ??= new Uint16Array(2 * SLOTS);
      const slot = slotOf(this.#hour ?? 0);
      fade(this.#slots, slot, failures);
      fade(this.#slots, SLOTS + slot, this.#rate() * HOUR_BINS);
    }
    this.#failures = short(this.#failures * KEEP_HOUR + failures);
    this.#bins = short(this.#bins * KEEP_HOUR + HOUR_BINS);
  }
}

function fade(slots: Uint16Array, slot: number, more: number): void {
  slots[slot] = levelOf(atLevel(slots[slot] ?? 0) * KEEP_SLOT + more);
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

/** Single precision, so that what is stored is the same as what was. */
const short = Math.fround;

/** The build before wrote them out. */
function loadSums(stored: Json | undefined): number[] {
  return typeof stored === 'string' ? unpackSingles(stored, SUMS) : numbers(stored, SUMS).map(short);
}
