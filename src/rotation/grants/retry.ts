import type { Failure, Grant } from '../../model/index.ts';
import { backoff, slowBackoff } from '../backoff.ts';

/**
 * The grant after a failure, with the time at which it may be tried again: doubling, never before the server's
 * `Retry-After`, and longer by up to a half, each grant by its own share (`spread`), so that many do not come at once.
 *
 * @param leisure nothing passes by itself here: doubling up to an hour, else to a minute
 */
export function retried(
  grant: Grant,
  failure: Failure,
  {
    now,
    spread,
    leisure = false,
  }: { readonly now: number; readonly spread: number; readonly leisure?: boolean },
): Grant {
  const attempts = grant.attempts + 1;
  const { retryAfterMs } = failure;
  const ms = (leisure ? slowBackoff : backoff)(attempts, { retryAfterMs });
  return { ...grant, attempts, retryAt: now + Math.ceil(ms * (1 + spread / 2)), lastError: failure };
}
