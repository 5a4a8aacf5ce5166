/** Each length of a list is a statement of its own, and of those only so many stay prepared: these lengths do for all. */
const LENGTHS = [64, 16, 4, 1] as const;

/**
 * A list in pieces of few different lengths, for statements with a list among their values.
 *
 * @example [...chunksOf(names)] // of 70 names: 64, 4, 1 and 1
 */
export function* chunksOf<T>(all: readonly T[]): Iterable<readonly T[]> {
  let from = 0;
  for (const length of LENGTHS) {
    for (; all.length - from >= length; from += length) yield all.slice(from, from + length);
  }
}
