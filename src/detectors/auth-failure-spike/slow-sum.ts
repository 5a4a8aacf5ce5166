import { type Bin, LONGEST, type Stream } from './bins.ts';

/** The longest window's sum over the bins from `tail` up to `next`, which is not in it; each counts `most` at most. */
type Sum = { readonly most: number; tail: number; next: number; sum: number };

/** The sums of the longest window, carried from bin to bin where none is put between and none goes. */
export class SlowSum {
  readonly #sums: [Sum | null, Sum | null] = [null, null];

  /** Bins came between others, or went. */
  forget(): void {
    this.#sums.fill(null);
  }

  /** The sum of the window that ends with the bin at that index. */
  at(bins: readonly Bin[], index: number, stream: Stream, most: number): number {
    const known = this.#sums[stream];
    const sum = known?.most === most && known.next <= index ? known : { most, tail: 0, next: 0, sum: 0 };
    this.#sums[stream] = sum;
    const minute = bins[index]?.minute ?? 0;
    const count = (at: number): number => Math.min(bins[at]?.counts[stream] ?? 0, most);
    for (; sum.next < index; sum.next += 1) sum.sum += count(sum.next);
    for (; (bins[sum.tail]?.minute ?? minute) <= minute - LONGEST; sum.tail += 1) sum.sum -= count(sum.tail);
    return sum.sum + count(index);
  }
}
