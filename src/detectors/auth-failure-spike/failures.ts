import { MINUTE, SECOND, type Why } from '../../model/index.ts';
import { type Json, list, text } from '../stored.ts';
import { type Baseline, WINDOWS } from './baseline.ts';
import {
  type Bin,
  BOUT,
  blur,
  CROWD,
  DRIFT,
  LONGEST,
  minuteOf,
  packBins,
  type Stream,
  type Together,
  unpackBins,
  windowOf,
} from './bins.ts';
import { BLOCK, Crowds } from './crowds.ts';
import { DriftSum, loadDrift, type Terms, termsOf } from './drift.ts';
import { KeyHabit } from './key-habit.ts';
import { upperTail } from './negative-binomial.ts';
import { type Lesson, loadPriors, PRIORS, type Priors, savePriors } from './prior.ts';
import { Windows } from './windows.ts';

/** A bin that has not fired after so many is kept to the minute. */
const SHARP = 15;
/** An hour is learnt from by the bins of the thirteenth hour after it: all windows that reach into it have settled. */
const LATE = 13;
/** The same in the first day, which is learnt as soon as may be: there is nothing else to go by. */
const HASTE = 3;
const MINUTES_A_YEAR = 525_600;
/** Tests of each stream, which share its budget: the windows and the drift, and of new addresses those who fail together. */
const TESTS = [WINDOWS.length + 3, WINDOWS.length + 1] as const;
/** Fewer together are no case by themselves. */
const TOGETHER = 8;

const STREAMS = [0, 1] as const;

export type Watched = {
  /** The minute from which the key is watched. */
  readonly since: number;
  /** False alarms allowed to each stream in a year. */
  readonly perYear: number;
};

/** How failures are to be judged. */
export type Judgement = Watched & {
  readonly stream: Stream;
  /** The address as a number, where it is one without an earlier success. */
  readonly mark?: number | undefined;
  /** Whether what a test looks at is enough of a case by other measures; where absent, it is. */
  readonly enough?: (test: number, minute: number) => boolean;
};

/** What an hour was judged by, with what it was learnt from. */
type Judged = Terms & { readonly hour: number; readonly habit: Baseline; readonly learnt: number | null };

/** What made a bin fire. */
export type Shot = {
  readonly minute: number;
  readonly stream: Stream;
  readonly test: number;
  readonly expected: number;
};

/**
 * The failures of one key in bins of a minute, and what is usual for it. A bin is judged as soon as it holds a
 * failure, while it is still open: its counts only rise and what it is compared with was learnt 12 hours earlier
 * and stands, so a bin that fires once would fire in any order of arrival. By then it is known which bins belong to an
 * episode, and an episode is no habit: the same attack is to be told again.
 *
 * Memory: at most 840 bins and two baselines.
 */
export class Failures {
  readonly #priors: Priors;
  bins: Bin[] = [];
  #habit: KeyHabit;
  #crowds = new Crowds();
  readonly #drifts: [DriftSum, DriftSum] = [new DriftSum(0), new DriftSum(1)];
  /** What the bins of an hour not yet settled are compared with; made anew where it is missing. */
  #ahead: { readonly until: number; readonly habit: KeyHabit } | null = null;

  /** The minute up to which all has settled. */
  #settled = Number.NEGATIVE_INFINITY;
  readonly #windows = new Windows();
  readonly #terms: [Judged | null, Judged | null] = [null, null];

  constructor(priors: Priors = PRIORS) {
    this.#priors = priors;
    this.#habit = KeyHabit.begin(priors);
  }

  /** @throws {TypeError} where what is stored is damaged */
  static load(stored: Json | undefined): Failures {
    const [priors, bins, fresh, known, ...rest] = list(stored);
    const [crowds, crowdHabit] = rest.slice(STREAMS.length);
    const loaded = new Failures(loadPriors(priors));
    loaded.bins = unpackBins(text(bins));
    loaded.#windows.stir(loaded.bins.some(({ fired }) => fired));
    loaded.#habit = KeyHabit.load([fresh, known, crowdHabit], loaded.#priors);
    for (const stream of STREAMS) loaded.#drifts[stream] = new DriftSum(stream, loadDrift(rest[stream]));
    loaded.#crowds = Crowds.load(crowds);
    return loaded;
  }

  save(): Json {
    const { streams, crowds } = this.#habit;
    return [
      savePriors(this.#priors),
      packBins(this.bins),
      ...streams.map((stream) => stream.save()),
      ...this.#drifts.map((drift) => drift.save()),
      this.#crowds.save(),
      crowds.save(),
    ];
  }

  /** Failures a day as usual. */
  get perDay(): number {
    return this.#habit.perDay;
  }

  /** Failures of a stream in a day, as many as it had shown at that minute. */
  usual(minute: number, judgement: Judgement): number {
    return this.#streamFor(minute, judgement).shownPerDay;
  }

  /** What was learnt of each stream since this was last asked. */
  lesson(): readonly [Lesson, Lesson] {
    return this.#habit.lesson();
  }

  /**
   * Learns the hours that lie far enough behind the settled minute, and drops bins of them: `leaving` sees them first.
   */
  settle(minute: number, watched: Watched, leaving: (bins: readonly Bin[]) => void): void {
    if (minute === this.#settled) return;
    this.#settled = minute;
    this.#crowds.settle(minute);
    for (let index = this.bins.length - 1; index >= 0; index -= 1) {
      const bin = this.bins[index];
      if (bin === undefined || bin.minute >= minute - SHARP) continue;
      if (bin.to - bin.from === MINUTE - SECOND) break;
      if (!bin.fired) blur(bin);
    }
    const end = this.bins.findLastIndex((bin) => bin.minute < minute);
    for (const stream of STREAMS) {
      const judgement = { ...watched, stream };
      this.#drifts[stream].settle(this.bins, end, (at) => this.#termsOf(at, judgement));
    }
    const until = learntBy(minute, watched);
    this.#habit.begin(watched.since, until);
    if ((this.#habit.hour ?? until) < until) this.#learn(until);
    this.#drop(Math.min(this.#habit.hour ?? 0, Math.floor(minute / 60) - LATE), leaving);
  }

  /** What is learnt, and too old for any window. */
  #drop(until: number, leaving: (bins: readonly Bin[]) => void): void {
    if ((this.bins[0]?.minute ?? Number.POSITIVE_INFINITY) >= until * 60) return;
    const kept = this.bins.findIndex((bin) => bin.minute >= until * 60);
    const gone = kept === -1 ? this.bins.length : kept;
    leaving(this.bins.slice(0, gone));
    this.bins.splice(0, gone);
    this.#crowds.drop(until);
    this.#windows.stir(this.bins.some(({ fired }) => fired));
    this.#windows.forget();
  }

  #learn(until: number): void {
    if (this.#ahead !== null && this.#ahead.until <= until) this.#habit = this.#ahead.habit;
    this.#ahead = null;
    this.#habit.learnUntil(until, this.bins, this.#crowds);
  }

  /** Counts failures of one time and judges every bin that they change; the ones that now fire, or fire sooner, in order. */
  add(at: number, count: number, judgement: Judgement): readonly Shot[] {
    const { stream } = judgement;
    const minute = minuteOf(at);
    const index = this.#place(minute);
    const bin = this.bins[index];
    if (bin === undefined) return [];
    bin.counts[stream] += count;
    bin.from = Math.min(bin.from, at - (at % SECOND));
    bin.to = Math.max(bin.to, at - (at % SECOND));
    if (index < this.bins.length - 1) {
      this.#windows.forget();
      for (const drift of this.#drifts) drift.forget();
    }
    const shots: Shot[] = [];
    for (let next = index; next < this.bins.length; next += 1) {
      const later = this.bins[next];
      if (later === undefined || later.minute - minute >= LONGEST) break;
      if (later.fires[stream] === 1 || later.counts[stream] === 0) continue;
      const shot = this.#judge(next, later, judgement);
      if (shot === null) continue;
      later.fires[stream] = shot.test + 1;
      later.fired = true;
      this.#windows.stir(true);
      shots.push(shot);
    }
    if (stream === 0 && judgement.mark !== undefined) {
      this.#crowds.failed(minute, judgement.mark);
      this.#judgeCrowds(minute, judgement, shots);
    }
    return shots;
  }

  /** All bins of a block fire with it, and the failure counts in the next block, too: so the order does not show. */
  #judgeCrowds(minute: number, judgement: Judgement, shots: Shot[]): void {
    const start = minute - (minute % BLOCK);
    const tests = [this.#crowdAt(start, judgement), this.#crowdAt(start + BLOCK, judgement)];
    if (tests.every((test) => test === null)) return;
    for (let index = this.bins.length - 1; index >= 0; index -= 1) {
      const bin = this.bins[index];
      if (bin === undefined || bin.minute < start) return;
      const test = tests[Math.floor((bin.minute - start) / BLOCK)] ?? null;
      if (test === null || bin.counts[0] === 0 || (bin.fires[0] !== 0 && bin.fires[0] <= test + 1)) continue;
      bin.fires[0] = test + 1;
      bin.fired = true;
      this.#windows.stir(true);
      this.#windows.forget();
      const { crowds } = this.#habitFor(bin.minute, judgement);
      shots.push({ minute: bin.minute, stream: 0, test, expected: crowds.expected(test) });
    }
  }

  #crowdAt(minute: number, judgement: Judgement): Together | null {
    const [crowd, bout] = this.#crowds.at(minute);
    if (crowd < TOGETHER && bout < TOGETHER) return null;
    const { crowds, learnsCrowds } = this.#habitFor(minute, judgement);
    if (learnsCrowds) return null;
    const perYear = judgement.perYear / TESTS[0];
    if (crowd >= TOGETHER && crowd >= crowds.least(CROWD, perYear)) return CROWD;
    return bout >= TOGETHER && bout >= crowds.least(BOUT, perYear) ? BOUT : null;
  }

  /** The bin of that minute, if it held failures. */
  at(minute: number): Bin | undefined {
    return this.bins.findLast((bin) => bin.minute === minute);
  }

  #place(minute: number): number {
    let index = this.bins.length;
    while ((this.bins[index - 1]?.minute ?? Number.NEGATIVE_INFINITY) > minute) index -= 1;
    if (this.bins[index - 1]?.minute === minute) return index - 1;
    this.bins.splice(index, 0, {
      minute,
      counts: [0, 0],
      fires: [0, 0],
      fired: false,
      from: Number.POSITIVE_INFINITY,
      to: 0,
    });
    return index;
  }

  /** The first test that finds too much here, where it goes before the one already known. */
  #judge(index: number, bin: Bin, judgement: Judgement): Shot | null {
    const { stream, perYear, enough } = judgement;
    const habit = this.#streamFor(bin.minute, judgement);
    const sums = this.#windows.at(this.bins, index, stream, mostOf(habit, Math.floor(bin.minute / 60)));
    const budget = perYear / (MINUTES_A_YEAR * TESTS[stream]);
    const tests = bin.fires[stream] === 0 ? DRIFT + 1 : bin.fires[stream] - 1;
    for (let test = 0; test < Math.min(tests, WINDOWS.length); test += 1) {
      const count = sums[test] ?? 0;
      if (count < 5 + test) continue;
      const { mean, size } = habit.expect(bin.minute, test);
      // Two deviations are within any budget, and nearly every count ends here.
      if (count <= mean + 2 * Math.sqrt(mean + mean ** 2 / size)) continue;
      if (upperTail(count, mean, size) >= budget || enough?.(test, bin.minute) === false) continue;
      return { minute: bin.minute, stream, test, expected: mean };
    }
    if (tests <= DRIFT) return null;
    if (!this.#drifts[stream].beyond(this.bins, index, (at) => this.#termsOf(at, judgement))) return null;
    if (enough?.(DRIFT, bin.minute) === false) return null;
    return { minute: bin.minute, stream, test: DRIFT, expected: habit.expect(bin.minute, 2).mean };
  }

  /** The terms of a drift in that hour, worked out once for as long as no other hour is asked for. */
  #termsOf(minute: number, judgement: Judgement): Terms {
    const { stream, perYear } = judgement;
    const habit = this.#streamFor(minute, judgement);
    const hour = Math.floor(minute / 60);
    const known = this.#terms[stream];
    if (known?.hour === hour && known.habit === habit && known.learnt === habit.hour) return known;
    const most = mostOf(habit, hour);
    const terms = { ...termsOf(habit, hour, perYear / TESTS[stream]), most, hour, habit, learnt: habit.hour };
    this.#terms[stream] = terms;
    return terms;
  }

  /** How each test fares at this bin, for a person. */
  why(minute: number, judgement: Judgement): Why {
    const { stream, perYear, mark } = judgement;
    const habit = this.#streamFor(minute, judgement);
    const index = this.bins.findIndex((bin) => bin.minute === minute);
    const sums = this.#windows.at(this.bins, index, stream, mostOf(habit, Math.floor(minute / 60)));
    const budget = perYear / (MINUTES_A_YEAR * TESTS[stream]);
    const windows = WINDOWS.map((_, test) => {
      const { mean, size } = habit.expect(minute, test);
      const count = sums[test] ?? 0;
      return { test, count, expected: mean, chance: count > mean ? upperTail(count, mean, size) : 1 };
    });
    const together =
      mark === undefined ? [] : this.#habitFor(minute, judgement).crowds.judge(this.#crowds.at(minute));
    return {
      dispersion: short(habit.dispersion(1)),
      windows: [...windows, ...together].map(({ test, count, expected, chance }) => ({
        window: windowOf(test),
        count,
        expected: short(expected),
        chance: short(chance),
        budget,
      })),
    };
  }

  #streamFor(minute: number, judgement: Judgement): Baseline {
    return this.#habitFor(minute, judgement).streams[judgement.stream];
  }

  /** The habit as it was learnt for the bin's hour, whatever has been learnt so far. */
  #habitFor(minute: number, judgement: Judgement): KeyHabit {
    const { since } = judgement;
    const until = learntBy(minute, judgement);
    const { hour } = this.#habit;
    if (hour === null ? until <= Math.floor(since / 60) : hour >= until) return this.#habit;
    if (this.#ahead?.until !== until) {
      const habit = this.#habit.copy();
      habit.begin(since, until);
      habit.learnUntil(until, this.bins, this.#crowds);
      this.#ahead = { until, habit };
    }
    return this.#ahead.habit;
  }
}

/** Hours before this one are learnt when a bin is judged. */
function learntBy(minute: number, { since }: Watched): number {
  const hour = Math.floor(minute / 60);
  return Math.max(hour - LATE, Math.min(hour - HASTE, Math.floor(since / 60) + 24));
}

/** What a bin counts at most where the slow and steady is looked for. */
function mostOf(habit: Baseline, hour: number): number {
  return Math.max(2, Math.ceil(3 * habit.perBin(hour)));
}

const short = (value: number): number => Number(value.toPrecision(3));
