/** A stretch of the monotonic clock, ms. */
export type Interval = { readonly from: number; readonly to: number };

/**
 * How much of `whole` none of `parts` covers. Parts may overlap: what runs side by side is counted once.
 *
 * @example uncovered({ from: 0, to: 10 }, [{ from: 1, to: 4 }, { from: 3, to: 6 }]) // 5
 */
export function uncovered(whole: Interval, parts: readonly Interval[]): number {
  let left = whole.to - whole.from;
  let reached = whole.from;
  for (const { from, to } of parts.toSorted((a, b) => a.from - b.from)) {
    const begin = Math.max(from, reached);
    const end = Math.min(to, whole.to);
    if (end <= begin) continue;
    left -= end - begin;
    reached = end;
  }
  return left;
}
