import { HOUR, MINUTE, SECOND } from '../model/index.ts';

const FIRST = SECOND;
const LAST = MINUTE;

/**
 * How long to wait after the `attempts`-th failure in succession, ms: doubling from 1 s to 60 s, never shorter than
 * the other side asked for, and, while a minted key is not yet everywhere, never longer than a twentieth of what is
 * left of the overlap.
 *
 * @example backoff(3, {}) // 4000
 */
export function backoff(
  attempts: number,
  limits: { readonly retryAfterMs?: number | undefined; readonly overlapLeft?: number | undefined },
): number {
  const doubled = Math.min(LAST, FIRST * 2 ** Math.min(Math.max(attempts - 1, 0), 30));
  const left = limits.overlapLeft ?? 0;
  const capped = left > 0 ? Math.min(doubled, Math.max(FIRST, left / 20)) : doubled;
  return Math.round(Math.max(capped, limits.retryAfterMs ?? 0));
}

/** How long a failed rotation rests before it is tried again, ms: 1 h, doubling to 24 h. */
export function rest(failures: number): number {
  return Math.min(24 * HOUR, HOUR * 2 ** Math.min(Math.max(failures - 1, 0), 10));
}
