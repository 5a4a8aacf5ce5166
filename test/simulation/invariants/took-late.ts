import { TIMEOUT } from '../life.ts';

/**
 * Whether the server took a token when whoever had presented it had given up waiting: a request that hung somewhere for
 * hours. Nobody can know then that a grace has begun, or an access token's life.
 *
 * @param calls when it was presented
 */
export function tookLate(calls: readonly number[], takenAt: number): boolean {
  const presented = calls.findLast((at) => at <= takenAt);
  return presented === undefined || takenAt - presented > TIMEOUT;
}
