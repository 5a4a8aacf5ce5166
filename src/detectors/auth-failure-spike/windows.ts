import { type Bin, LONGEST, reachOf, type Stream } from './bins.ts';
import { SlowSum } from './slow-sum.ts';

/** What the windows that end with one bin hold besides it; `longest` is null where the sum is carried. */
type Before = {
  readonly minute: number;
  readonly most: number;
  readonly ten: number;
  readonly sixty: number;
  readonly longest: number | null;
};

/** The failures in each window, counted once for each minute: a busy key has many failures in it. */
export class Windows {
  readonly #before: [Before | null, Before | null] = [null, null];
  readonly #slow = new SlowSum();
  /** Whether any bin fires. */
  #stirred = false;

  /** Other bins than the last have changed, or went. */
  forget(): void {
    this.#before.fill(null);
    this.#slow.forget();
  }

  /** A bin fires, or none does any more. */
  stir(fires: boolean): void {
    this.#stirred = fires;
  }

  /**
   * Failures in each window that ends with this bin. In the longest a bin counts little: it is there for the slow and
   * steady, and a burst in it would make every failure of the next twelve hours part of the attack. Nor is what
   * belongs to an episode that is over evidence for another one.
   */
  at(bins: readonly Bin[], index: number, stream: Stream, most: number): readonly number[] {
    const bin = bins[index];
    const minute = bin?.minute ?? 0;
    const count = bin?.counts[stream] ?? 0;
    let before = this.#before[stream];
    if (before?.minute !== minute || before.most !== most) {
      before = this.#count(bins, index, stream, most);
      this.#before[stream] = before;
    }
    const { ten, sixty, longest } = before;
    const slow =
      longest === null ? this.#slow.at(bins, index, stream, most) : longest + Math.min(count, most);
    return [count, ten + count, sixty + count, slow];
  }

  #count(bins: readonly Bin[], index: number, stream: Stream, most: number): Before {
    const minute = bins[index]?.minute ?? 0;
    const calm = !this.#stirred;
    let [ten, sixty, longest] = [0, 0, 0];
    let firing = minute;
    for (let at = index - 1; at >= 0; at -= 1) {
      const bin = bins[at];
      const age = bin === undefined ? LONGEST : minute - bin.minute;
      if (bin === undefined || age >= (calm ? 60 : LONGEST)) break;
      if (bin.fired) {
        if (bin.minute + reachOf(bin) < firing) break;
        firing = bin.minute;
      }
      const count = bin.counts[stream];
      if (age < 10) ten += count;
      if (age < 60) sixty += count;
      longest += Math.min(count, most);
    }
    return { minute, most, ten, sixty, longest: calm ? null : longest };
  }
}
