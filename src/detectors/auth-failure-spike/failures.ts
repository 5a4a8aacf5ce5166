import { formatDuration, MINUTE, SECOND, type Why } from '../../model/index.ts';
import { type Json, list, text } from '../stored.ts';
import { Baseline, type BinCount, WINDOWS } from './baseline.ts';
import {
  type Bin,
  blur,
  DRIFT,
  LONGEST,
  minuteOf,
  packBins,
  type Stream,
  spansTold,
  unpackBins,
  within,
} from './bins.ts';
import { DriftSum, loadDrift, type Terms, termsOf } from './drift.ts';
import { upperTail } from './negative-binomial.ts';
import { type Lesson, loadPriors, PRIORS, type Priors, savePriors } from './prior.ts';
import { Windows } from './windows.ts';

/** A bin that has not fired after so many is kept to the minute. */
const SHARP = 15;
/** An hour is learnt from by the bins of the thirteenth hour after it: all windows that reach into it have settled. */
const LATE = 13;
/** The same in the first day of what is learnt in haste. */
const HASTE = 3;
/** Hours looked back at most when a key's first failure comes after a long time without any. */
const LOOK_BACK = 60 * 24;
const MINUTES_A_YEAR = 525_600;
/** Tests of each stream: the windows and the drift share its budget. */
const TESTS = WINDOWS.length + 1;

const STREAMS = [0, 1] as const;
/** The dispersion of a stream that shows none. */
const CALM = [PRIORS[0].dispersion, PRIORS[1].dispersion] as const;

type Habits = [Baseline, Baseline];

export type Watched = {
  /** The minute from which the key is watched. */
  readonly since: number;
  /** False alarms allowed to each stream in a year. */
  readonly perYear: number;
  /** Whether the first day is learnt as soon as may be: for what has no other to go by. */
  readonly hasty?: boolean;
};

/** How failures are to be judged. */
export type Judgement = Watched & {
  readonly stream: Stream;
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
  #habits: Habits;
  readonly #drifts: [DriftSum, DriftSum] = [new DriftSum(0), new DriftSum(1)];
  /** What the bins of an hour not yet settled are compared with; made anew where it is missing. */
  #ahead: { readonly until: number; readonly habits: Habits } | null = null;

  /** The minute up to which all has settled. */
  #settled = Number.NEGATIVE_INFINITY;
  readonly #windows = new Windows();
  readonly #terms: [Judged | null, Judged | null] = [null, null];

  constructor(priors: Priors = PRIORS) {
    this.#priors = priors;
    this.#habits = [new Baseline(priors[0], CALM[0]), new Baseline(priors[1], CALM[1])];
  }

  /** @throws {TypeError} where what is stored is damaged */
  static load(stored: Json | undefined): Failures {
    const [priors, bins, fresh, known, ...drifts] = list(stored);
    const loaded = new Failures(loadPriors(priors));
    loaded.bins = unpackBins(text(bins));
    loaded.#windows.stir(loaded.bins.some(({ fired }) => fired));
    const [own, others] = loaded.#priors;
    loaded.#habits = [Baseline.load(fresh, own, CALM[0]), Baseline.load(known, others, CALM[1])];
    for (const stream of STREAMS) loaded.#drifts[stream] = new DriftSum(stream, loadDrift(drifts[stream]));
    return loaded;
  }

  save(): Json {
    const [fresh, known] = this.#habits;
    return [
      savePriors(this.#priors),
      packBins(this.bins),
      fresh.save(),
      known.save(),
      ...this.#drifts.map((drift) => drift.save()),
    ];
  }

  /** Failures a day as usual. */
  get perDay(): number {
    return this.#habits[0].perDay + this.#habits[1].perDay;
  }

  /** Failures of a stream that are usual in a day, as they were known at that minute. */
  usual(minute: number, judgement: Judgement): number {
    return this.#habitFor(minute, judgement).perDay;
  }

  /** What was learnt of each stream since this was last asked. */
  lesson(): readonly [Lesson, Lesson] {
    return [this.#habits[0].lesson(), this.#habits[1].lesson()];
  }

  /**
   * Learns the hours that lie far enough behind the settled minute, and drops their bins: `leaving` sees them first.
   */
  settle(minute: number, watched: Watched, leaving: (bins: readonly Bin[]) => void): void {
    if (minute === this.#settled) return;
    this.#settled = minute;
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
    begin(this.#habits, watched.since, until);
    const { hour } = this.#habits[0];
    if (hour === null || hour >= until) return;
    this.#learn(until);
    const kept = this.bins.findIndex((bin) => bin.minute >= until * 60);
    const gone = kept === -1 ? this.bins.length : kept;
    if (gone === 0) return;
    leaving(this.bins.slice(0, gone));
    this.bins.splice(0, gone);
    this.#windows.stir(this.bins.some(({ fired }) => fired));
    this.#windows.forget();
  }

  #learn(until: number): void {
    if (this.#ahead !== null && this.#ahead.until <= until) this.#habits = this.#ahead.habits;
    this.#ahead = null;
    this.#learnUntil(this.#habits, until);
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
    return shots;
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
    const habit = this.#habitFor(bin.minute, judgement);
    const sums = this.#windows.at(this.bins, index, stream, mostOf(habit, Math.floor(bin.minute / 60)));
    const budget = perYear / (MINUTES_A_YEAR * TESTS);
    const tests = bin.fires[stream] === 0 ? TESTS : bin.fires[stream] - 1;
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
    const habit = this.#habitFor(minute, judgement);
    const hour = Math.floor(minute / 60);
    const known = this.#terms[stream];
    if (known?.hour === hour && known.habit === habit && known.learnt === habit.hour) return known;
    const most = mostOf(habit, hour);
    const terms = { ...termsOf(habit, hour, perYear / TESTS), most, hour, habit, learnt: habit.hour };
    this.#terms[stream] = terms;
    return terms;
  }

  /** How each test fares at this bin, for a person. */
  why(minute: number, judgement: Judgement): Why {
    const { stream, perYear } = judgement;
    const habit = this.#habitFor(minute, judgement);
    const index = this.bins.findIndex((bin) => bin.minute === minute);
    const sums = this.#windows.at(this.bins, index, stream, mostOf(habit, Math.floor(minute / 60)));
    const budget = perYear / (MINUTES_A_YEAR * TESTS);
    return {
      dispersion: short(habit.dispersion(1)),
      windows: WINDOWS.map((window, test) => {
        const count = sums[test] ?? 0;
        const { mean, size } = habit.expect(minute, test);
        const chance = count > mean ? upperTail(count, mean, size) : 1;
        return {
          window: formatDuration(window * MINUTE),
          count,
          expected: short(mean),
          chance: short(chance),
          budget,
        };
      }),
    };
  }

  /** The habit as it was learnt for the bin's hour, whatever has been learnt so far. */
  #habitFor(minute: number, judgement: Judgement): Baseline {
    const { stream, since } = judgement;
    const until = learntBy(minute, judgement);
    const { hour } = this.#habits[0];
    if (hour === null ? until <= Math.floor(since / 60) : hour >= until) return this.#habits[stream];
    if (this.#ahead?.until !== until) {
      const habits: Habits = [this.#habits[0].copy(), this.#habits[1].copy()];
      begin(habits, since, until);
      this.#learnUntil(habits, until);
      this.#ahead = { until, habits };
    }
    return this.#ahead.habits[stream];
  }

  #learnUntil(habits: Habits, until: number): void {
    const told = [spansTold(this.bins, 0), spansTold(this.bins, 1)] as const;
    let index = 0;
    for (let hour = habits[0].hour ?? until; hour < until; hour += 1) {
      const taught: [BinCount[], BinCount[]] = [[], []];
      for (; (this.bins[index]?.minute ?? Number.POSITIVE_INFINITY) < (hour + 1) * 60; index += 1) {
        const bin = this.bins[index];
        const offset = (bin?.minute ?? 0) - hour * 60;
        if (bin === undefined || offset < 0) continue;
        if (bin.counts[0] > 0) taught[0].push([offset, bin.counts[0]]);
        if (bin.counts[1] > 0) taught[1].push([offset, bin.counts[1]]);
      }
      habits[0].learn(taught[0], within(told[0], hour));
      habits[1].learn(taught[1], within(told[1], hour));
    }
  }
}

/** Hours before this one are learnt when a bin is judged. */
function learntBy(minute: number, { since, hasty }: Watched): number {
  const hour = Math.floor(minute / 60);
  if (hasty !== true) return hour - LATE;
  return Math.max(hour - LATE, Math.min(hour - HASTE, Math.floor(since / 60) + 24));
}

/** What a bin counts at most where the slow and steady is looked for. */
function mostOf(habit: Baseline, hour: number): number {
  return Math.max(2, Math.ceil(3 * habit.perBin(hour)));
}

function begin(habits: Habits, since: number, until: number): void {
  const first = Math.max(Math.floor(since / 60), until - LOOK_BACK);
  if (until <= first) return;
  habits[0].begin(first);
  habits[1].begin(first);
}

const short = (value: number): number => Number(value.toPrecision(3));
