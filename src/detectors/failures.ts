import { MINUTE } from '../model/index.ts';
import { Baseline, type BinCount, type Span, WINDOWS } from './baseline.ts';
import { upperTail } from './negative-binomial.ts';
import { type Json, list, numbers } from './stored.ts';

/** Streams of a key's failures: from addresses without, and with, an earlier success on it. */
export type Stream = 0 | 1;

/** The failures of one minute, by stream; `from` and `to`: the times of its first and last. `fires`: 1 + index of the shortest window whose count, up to here, is beyond chance; 0: none. */
export type Bin = {
  readonly minute: number;
  readonly counts: [number, number];
  readonly fires: [number, number];
  from: number;
  to: number;
};

const LONGEST = 720;
/** What is learnt at a bin was settled that long before it: which bins an episode holds must not hang on the order of arrival. */
const SETTLED = 10;
/** An episode is over after so many bins of which none fires; after four hours where only the slow and steady shows. */
const QUIET = 30;
const QUIET_SLOW = 240;
/** Hours looked back at most when a key's first failure comes after a long time without any. */
const LOOK_BACK = 60 * 24;

/** What made a bin fire. */
export type Shot = {
  readonly minute: number;
  readonly stream: Stream;
  readonly window: number;
  readonly expected: number;
};

/** For how many bins after this one, which fires, a further one that fires belongs to the same episode. */
export function reachOf(bin: Bin | undefined): number {
  const slow = bin?.fires.every((fires) => fires === 0 || fires === WINDOWS.length) ?? false;
  return slow ? QUIET_SLOW : QUIET;
}

/**
 * The failures of one key in bins of a minute, and what is usual for it. A bin is judged as soon as it holds a
 * failure, while it is still open: its counts only rise and what it is compared with was learnt 12 hours earlier
 * and stands, so a bin that fires once would fire in any order of arrival. By then it is known which bins belong to an
 * episode, and an episode is no habit: the same attack is to be told again.
 *
 * Memory: at most 790 bins and two baselines.
 */
export class Failures {
  readonly bins: Bin[] = [];
  readonly #habits: [Baseline, Baseline] = [new Baseline(), new Baseline()];

  static load(stored: Json | undefined): Failures {
    const loaded = new Failures();
    const [bins, fresh, known] = list(stored);
    const flat = numbers(bins);
    for (let at = 0; at < flat.length; at += 7) {
      const [minute = 0, a = 0, b = 0, c = 0, d = 0, offset = 0, span = 0] = flat.slice(at, at + 7);
      const from = minute * MINUTE + offset;
      loaded.bins.push({ minute, counts: [a, b], fires: [c, d], from, to: from + span });
    }
    loaded.#habits[0] = Baseline.load(fresh);
    loaded.#habits[1] = Baseline.load(known);
    return loaded;
  }

  save(): Json {
    return [
      this.bins.flatMap(({ minute, counts, fires, from, to }) => [
        minute,
        ...counts,
        ...fires,
        from - minute * MINUTE,
        to - from,
      ]),
      this.#habits[0].save(),
      this.#habits[1].save(),
    ];
  }

  /** Failures a day as usual. */
  get perDay(): number {
    return this.#habits[0].perDay + this.#habits[1].perDay;
  }

  /**
   * Learns the hours that lie twelve hours behind the settled minute, and drops their bins: `leaving` sees them first.
   * `since` is the minute from which the key is watched.
   */
  settle(minute: number, since: number, leaving: (bins: readonly Bin[]) => void): void {
    const until = lastLearnt(minute);
    begin(this.#habits, since, until);
    const { hour } = this.#habits[0];
    if (hour === null || hour >= until) return;
    this.#learnUntil(this.#habits, until);
    const kept = this.bins.findIndex((bin) => bin.minute >= until * 60);
    const gone = kept === -1 ? this.bins.length : kept;
    if (gone === 0) return;
    leaving(this.bins.slice(0, gone));
    this.bins.splice(0, gone);
  }

  /** Counts a failure and judges every bin that it changes; the ones that now fire, or fire sooner, in order. */
  add(at: number, stream: Stream, since: number, budget: number): readonly Shot[] {
    const minute = minuteOf(at);
    const index = this.#place(minute);
    const bin = this.bins[index];
    if (bin === undefined) return [];
    bin.counts[stream] += 1;
    bin.from = Math.min(bin.from, at);
    bin.to = Math.max(bin.to, at);
    const shots: Shot[] = [];
    for (let next = index; next < this.bins.length; next += 1) {
      const later = this.bins[next];
      if (later === undefined || later.minute - minute >= LONGEST) break;
      if (later.fires[stream] === 1 || later.counts[stream] === 0) continue;
      const shot = this.#judge(next, later, stream, since, budget);
      if (shot === null) continue;
      later.fires[stream] = shot.window + 1;
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
      from: Number.POSITIVE_INFINITY,
      to: 0,
    });
    return index;
  }

  /** The shortest window ending here that holds too much, where it is shorter than the one already known. */
  #judge(index: number, bin: Bin, stream: Stream, since: number, budget: number): Shot | null {
    const habit = this.#habitFor(bin.minute, stream, since);
    const sums = this.#sums(index, bin.minute, stream, habit);
    const windows = bin.fires[stream] === 0 ? WINDOWS.length : bin.fires[stream] - 1;
    for (let window = 0; window < windows; window += 1) {
      const count = sums[window] ?? 0;
      if (count < 5 + window) continue;
      const { mean, size } = habit.expect(bin.minute, window);
      // Two deviations are within any budget, and nearly every count ends here.
      if (count <= mean + 2 * Math.sqrt(mean + mean ** 2 / size)) continue;
      if (upperTail(count, mean, size) >= budget) continue;
      return { minute: bin.minute, stream, window, expected: mean };
    }
    return null;
  }

  /**
   * Failures in each window that ends with this bin. In the longest a bin counts little: it is there for the slow and
   * steady, and a burst in it would make every failure of the next twelve hours part of the attack. Nor is what
   * belongs to an episode that is over evidence for another one.
   */
  #sums(index: number, minute: number, stream: Stream, habit: Baseline): readonly number[] {
    const most = Math.max(2, Math.ceil(3 * habit.perBin(Math.floor(minute / 60))));
    let [one, ten, sixty, longest] = [0, 0, 0, 0];
    let firing = minute;
    for (let at = index; at >= 0; at -= 1) {
      const bin = this.bins[at];
      const age = bin === undefined ? LONGEST : minute - bin.minute;
      if (bin === undefined || age >= LONGEST) break;
      if (age > 0 && (bin.fires[0] !== 0 || bin.fires[1] !== 0)) {
        if (bin.minute + reachOf(bin) < firing) break;
        firing = bin.minute;
      }
      const count = bin.counts[stream];
      if (age < 1) one += count;
      if (age < 10) ten += count;
      if (age < 60) sixty += count;
      longest += Math.min(count, most);
    }
    return [one, ten, sixty, longest];
  }

  /** The habit as it was learnt twelve hours before the bin, whatever has been learnt so far. */
  #habitFor(minute: number, stream: Stream, since: number): Baseline {
    const until = lastLearnt(minute);
    const { hour } = this.#habits[0];
    if (hour === null ? until <= Math.floor(since / 60) : hour >= until) return this.#habits[stream];
    const ahead: [Baseline, Baseline] = [this.#habits[0].copy(), this.#habits[1].copy()];
    begin(ahead, since, until);
    this.#learnUntil(ahead, until);
    return ahead[stream];
  }

  #learnUntil(habits: readonly [Baseline, Baseline], until: number): void {
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

/** Hours before this one are learnt when a bin is judged: the windows that reach into them have settled. */
function lastLearnt(minute: number): number {
  return Math.floor((minute - LONGEST - SETTLED + 1) / 60);
}

/** The minutes in the windows of the bins that fire, the latest span first; none overlaps another. */
function spansTold(bins: readonly Bin[], stream: Stream): readonly Span[] {
  const spans: [from: number, to: number][] = [];
  for (let index = bins.length - 1; index >= 0; index -= 1) {
    const bin = bins[index];
    const window = bin === undefined ? undefined : WINDOWS[bin.fires[stream] - 1];
    if (bin === undefined || window === undefined) continue;
    const from = bin.minute - window + 1;
    const later = spans.at(-1);
    if (later !== undefined && bin.minute >= later[0]) later[0] = Math.min(later[0], from);
    else spans.push([from, bin.minute]);
  }
  return spans;
}

/** What of the spans lies in an hour. */
function within(spans: readonly Span[], hour: number): readonly Span[] {
  const start = hour * 60;
  return spans
    .filter(([from, to]) => to >= start && from < start + 60)
    .map(([from, to]) => [Math.max(0, from - start), Math.min(59, to - start)]);
}

function begin(habits: readonly [Baseline, Baseline], since: number, until: number): void {
  const first = Math.max(Math.floor(since / 60), until - LOOK_BACK);
  if (until <= first) return;
  habits[0].begin(first);
  habits[1].begin(first);
}

export const minuteOf = (at: number): number => Math.floor(at / MINUTE);
