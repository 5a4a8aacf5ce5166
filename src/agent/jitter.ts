import { backoff } from '../rotation/backoff.ts';

/** A number in [0, 1) for these parts, another one in every agent. */
export type Jitter = (...parts: readonly string[]) => number;

/**
 * How long to wait after the `attempts`-th failure in succession, ms: doubling from 1 s to 60 s, shortened by up to a half
 * so that agents which lost the same upstream do not come back as one; never shorter than the other side asked for.
 */
export function jittered(
  attempts: number,
  { retryAfterMs }: { readonly retryAfterMs?: number },
  unit: () => number,
): number {
  const part = 1 - unit() / 2;
  return Math.max(backoff(attempts, {}) * part, retryAfterMs ?? 0);
}
