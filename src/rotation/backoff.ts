import { HOUR, MINUTE, SECOND } from '../model/index.ts';

const FIRST = SECOND;
const LAST = MINUTE;
/** For what nobody waits for. */
const LAST_AT_LEISURE = HOUR;

type Limits = { readonly retryAfterMs?: number | undefined; readonly overlapLeft?: number | undefined };

/**
 * How long to wait after the `attempts`-th failure in succession, ms: doubling from 1 s to 60 s, never shorter than
 * the other side asked for, and, while a minted key is not yet everywhere, never longer than a twentieth of what is
 * left of the overlap.
 *
 * @example backoff(3, {}) // 4000
 */
export function backoff(attempts: number, limits: Limits): number {
  return spaced(attempts, LAST, limits);
}

/** The same, doubling to 1 h: for a hook, and for a look at what was in place when it was last seen. */
export function slowBackoff(attempts: number, limits: Limits): number {
  return spaced(attempts, LAST_AT_LEISURE, limits);
}

function spaced(attempts: number, last: number, limits: Limits): number {
  const doubled = Math.min(last, FIRST * 2 ** Math.min(Math.max(attempts - 1, 0), 30));
  const left = limits.overlapLeft ?? 0;
  const capped = left > 0 ? Math.min(doubled, Math.max(FIRST, left / 20)) : doubled;
  return Math.round(Math.max(capped, limits.retryAfterMs ?? 0));
}

/** So many repeats of a mint come quickly: most answers are lost on the way, once. */
const QUICK_REPEATS = 5;

/**
 * How long to wait before a mint that may have been processed is repeated, ms: quickly at first, then doubling to an
 * hour, for a provider that forgets its Idempotency-Keys mints another key at each. Never longer than a twentieth of
 * `left`, ms: what is left of the current key where the first of them had its effect.
 */
export function repeatAfter(attempts: number, left: number): number {
  if (attempts <= QUICK_REPEATS) return backoff(attempts, {});
  const doubled = Math.min(HOUR, MINUTE * 2 ** Math.min(attempts - QUICK_REPEATS, 10));
  return left > 0 ? Math.round(Math.min(doubled, Math.max(MINUTE, left / 20))) : doubled;
}

/** How long a failed rotation rests before it is tried again, ms: 1 h, doubling to 24 h. */
export function rest(failures: number): number {
  return Math.min(24 * HOUR, HOUR * 2 ** Math.min(Math.max(failures - 1, 0), 10));
}
