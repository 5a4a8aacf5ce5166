import type { Json } from '../stored.ts';
import { Baseline, type BinCount, DAY_BINS, HOUR_BINS } from './baseline.ts';
import { type Bin, spansTold, within } from './bins.ts';
import { CrowdHabit } from './crowd-habit.ts';
import { BLOCK, type Crowds } from './crowds.ts';
import { type Lesson, PRIORS, type Priors } from './prior.ts';

/** Hours looked back at most when a key's first failure comes after a long time without any. */
const LOOK_BACK = 60 * 24;
/** The dispersion of a stream that shows none. */
const CALM = [PRIORS[0].dispersion, PRIORS[1].dispersion] as const;

/** What is usual of the failures of one key: in each of its streams, and of new addresses that fail together. */
export class KeyHabit {
  readonly streams: readonly [Baseline, Baseline];
  readonly crowds: CrowdHabit;

  constructor(streams: readonly [Baseline, Baseline], crowds = new CrowdHabit()) {
    this.streams = streams;
    this.crowds = crowds;
  }

  static begin([fresh, known]: Priors): KeyHabit {
    return new KeyHabit([new Baseline(fresh, CALM[0]), new Baseline(known, CALM[1])]);
  }

  /** @throws {TypeError} where what is stored is damaged */
  static load([fresh, known, crowds]: readonly (Json | undefined)[], priors: Priors): KeyHabit {
    return new KeyHabit(
      [Baseline.load(fresh, priors[0], CALM[0]), Baseline.load(known, priors[1], CALM[1])],
      CrowdHabit.load(crowds),
    );
  }

  copy(): KeyHabit {
    const [fresh, known] = this.streams;
    return new KeyHabit([fresh.copy(), known.copy()], this.crowds.copy());
  }

  /** The next hour to learn; null until it begins. */
  get hour(): number | null {
    return this.streams[0].hour;
  }

  /**
   * Whether the key was known before anything of its crowds was, and these are known for less than a day: the build before
   * did not learn them. By what is believed of a new key, bursts that were always there would be told, and never learnt.
   */
  get learnsCrowds(): boolean {
    const { bins } = this.crowds;
    return bins < DAY_BINS && this.streams[0].bins > bins + HOUR_BINS;
  }

  get perDay(): number {
    return this.streams[0].perDay + this.streams[1].perDay;
  }

  lesson(): readonly [Lesson, Lesson] {
    return [this.streams[0].lesson(), this.streams[1].lesson()];
  }

  /** Begins with the hour of the minute from which the key is watched, where there is one to learn. */
  begin(since: number, until: number): void {
    const first = Math.max(Math.floor(since / 60), until - LOOK_BACK);
    if (until <= first) return;
    for (const stream of this.streams) stream.begin(first);
  }

  /** Learns the hours up to that one, which is not learnt. */
  learnUntil(until: number, bins: readonly Bin[], together: Crowds): void {
    const [fresh, known] = this.streams;
    const told = [spansTold(bins, 0), spansTold(bins, 1)] as const;
    let index = 0;
    for (let hour = this.hour ?? until; hour < until; hour += 1) {
      const taught: [BinCount[], BinCount[]] = [[], []];
      for (; (bins[index]?.minute ?? Number.POSITIVE_INFINITY) < (hour + 1) * 60; index += 1) {
        const bin = bins[index];
        const offset = (bin?.minute ?? 0) - hour * 60;
        if (bin === undefined || offset < 0) continue;
        if (bin.counts[0] > 0) taught[0].push([offset, bin.counts[0]]);
        if (bin.counts[1] > 0) taught[1].push([offset, bin.counts[1]]);
      }
      const heldOut = fresh.learn(taught[0], within(told[0], hour));
      known.learn(taught[1], within(told[1], hour));
      const left = (offset: number) => heldOut.some(([from, to]) => offset + BLOCK > from && offset <= to);
      this.crowds.learn(...together.during(hour, left));
    }
  }
}
