/** One measured figure. */
export type Row = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What was promised, where something was. */
  readonly target?: { readonly atMost: number } | { readonly atLeast: number };
};

/** A benchmark's rows, and what repeats them. */
export type Bench = () => Promise<Row[]>;

/** Whether the promise is kept; null where none was made. */
export function isMet({ value, target }: Row): boolean | null {
  if (target === undefined) return null;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}

/** The figure in units of its target; null without one, and for the target of nothing at all. */
export function ratioOf({ value, target }: Row): number | null {
  if (target === undefined) return null;
  const limit = 'atMost' in target ? target.atMost : target.atLeast;
  return limit === 0 ? null : value / limit;
}

/** The value below which `share` of them lie, by nearest rank. @throws {RangeError} where there are none */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new RangeError('there is no quantile of nothing');
  return found;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
