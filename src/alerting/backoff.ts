import { HOUR, MINUTE, SECOND } from '../model/index.ts';

/** After so many failures in succession a channel counts as down: it is asked less often, and the others are told. */
export const DOWN_AFTER = 8;

/**
 * How long to wait after the `attempts`-th failed attempt, ms: doubling from 1 s to 60 s and, once the channel counts
 * as down, to 5 min, less up to a quarter so that many do not return at one instant; never shorter than the channel
 * asked for, of which an hour at most is believed.
 *
 * @param unit in [0, 1): jitter that survives a restart
 * @example backoff(3, 0) // 4000
 */
export function backoff(attempts: number, unit: number, retryAfterMs = 0): number {
  const past = attempts - DOWN_AFTER;
  const doubled =
    past <= 0
      ? Math.min(MINUTE, SECOND * 2 ** Math.max(attempts - 1, 0))
      : Math.min(5 * MINUTE, MINUTE * 2 ** Math.min(past, 10));
  return Math.round(Math.max(doubled * (1 - unit / 4), Math.min(retryAfterMs, HOUR)));
}
