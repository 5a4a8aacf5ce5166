import type { ClientRecord, Failure, Grant } from '../../model/index.ts';
import { SECOND } from '../../model/index.ts';
import { backoff, slowBackoff } from '../backoff.ts';
import { isPaused, mayPass } from './pauses.ts';
import type { GrantSituation } from './situation.ts';

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

/**
 * Within the server's grace what is left of it counts, and not how often something failed before: the next replay comes
 * after a third of it at the latest, each grant's by its own share, unless the server says when.
 */
export function withinGrace({ policy, spread }: GrantSituation, grant: Grant, now: number): Grant {
  const { attempt, retryAt, lastError } = grant;
  if (attempt === null || retryAt === null || lastError?.retryAfterMs !== undefined) return grant;
  const left = attempt.sentAt + policy.refreshGrace - now;
  if (left <= 0) return grant;
  const soon = Math.ceil((left / 3) * (1 - spread / 2));
  return { ...grant, retryAt: Math.min(retryAt, now + Math.max(SECOND, soon)) };
}

/**
 * Where the client is paused, a grant that failed comes some time after the pause: the others go first. Else one that always
 * fails would try first after each pause, and no pause would have an end. A replay that passes the pause waits for nothing.
 *
 * @param client as the failure left it
 */
export function afterPause(
  situation: GrantSituation,
  grant: Grant,
  client: ClientRecord,
  now: number,
): Grant {
  const { held, spread } = situation;
  if (!isPaused(client, now) || mayPass({ ...situation, client, held: { ...held, grant } }, now))
    return grant;
  const until = client.pause?.until ?? now;
  const after = until + Math.ceil(backoff(grant.attempts, {}) * (1 + spread / 2));
  return { ...grant, retryAt: Math.max(grant.retryAt ?? 0, after) };
}
