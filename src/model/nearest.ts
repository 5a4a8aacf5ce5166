import { closest, distance } from 'fastest-levenshtein';

/** Beyond it, what was typed is no mistyped name; and comparing takes time by the square of the length. */
const LONGEST = 64;

/**
 * The name that `typed` was most likely meant to be, in whatever case, or null where none is near: a third of the
 * letters may differ, two at least, one in words under four letters. Of names equally near, the first.
 *
 * @example nearest('evry', ['every', 'overlap']) // 'every'
 */
export function nearest(typed: string, names: readonly string[]): string | null {
  if (typed.length > LONGEST || names.length === 0) return null;
  const sought = typed.toLowerCase();
  const lower = names.map((name) => name.toLowerCase());
  const best = closest(sought, lower);
  if (distance(sought, best) > reachOf(Math.max(typed.length, best.length))) return null;
  return names[lower.indexOf(best)] ?? null;
}

/** How many letters may differ. */
function reachOf(length: number): number {
  return length < 4 ? 1 : Math.max(2, Math.floor(length / 3));
}
