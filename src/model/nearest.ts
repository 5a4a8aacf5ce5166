import { distance } from 'fastest-levenshtein';

/**
 * The name that `typed` was most likely meant to be, or null where none is close.
 *
 * @example nearest('evry', ['every', 'overlap']) // 'every'
 */
export function nearest(typed: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const name of names) {
    const far = distance(typed.toLowerCase(), name.toLowerCase());
    if (far < least) {
      best = name;
      least = far;
    }
  }
  return best;
}
