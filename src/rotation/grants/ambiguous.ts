import type { GrantLane, RefreshAttempt } from '../../model/index.ts';
import { handOutMargin, isRejected } from './access.ts';
import { isLapsing, surelyEndedAt } from './lapse.ts';
import type { GrantAction, GrantSituation } from './situation.ts';

/** Why a grant is dead whose token the provider took, and whose answer never came. */
export const ANSWER_LOST =
  'answer lost: the provider takes the refresh token no more, and its answer to an earlier refresh never arrived';

/**
 * An attempt is open: it was sent, or was about to be, and nobody knows what came of it.
 *
 * Within the provider's grace the same token is presented again at once (it then gets the same answer). Else that might
 * cost the live access token (reuse of a rotated token can end all of its grant: RFC 9700, 4.14.2), so this is served until
 * it cannot be handed out any more, and only then is the token presented once more: a probe, which tells. A probe of
 * which nothing is known either is repeated, more and more seldom: it can make nothing worse.
 */
export function planAmbiguous(situation: GrantSituation, attempt: RefreshAttempt, now: number): GrantAction {
  const { held, policy } = situation;
  const { grant } = held;
  if (attempt.sent > 1 && now >= surelyEndedAt(grant, policy)) return { do: 'give-up', reason: ANSWER_LOST };
  const replays = now < attempt.sentAt + policy.refreshGrace;
  const at = Math.max(replays ? now : probeAt(situation, now), grant.retryAt ?? 0);
  if (at > now) return { do: 'wait', until: at, lane: laneOf(situation, replays, at) };
  const sentAt = replays ? attempt.sentAt : now;
  return { do: 'refresh', attempt: { ...attempt, sentAt, sent: attempt.sent + 1 } };
}

/** When the access token that is held serves no more. */
function probeAt({ held, policy }: GrantSituation, now: number): number {
  const { grant } = held;
  if (grant.accessExpiresAt === null || isRejected(grant)) return now;
  return grant.accessExpiresAt - handOutMargin(grant, policy);
}

/** A grace is short: a replay goes before everything. */
function laneOf({ held, policy, client, lane }: GrantSituation, replays: boolean, at: number): GrantLane {
  if (replays || lane === 'waiting') return 'waiting';
  return isLapsing(held.grant, policy, client, at) ? 'lapsing' : 'hot';
}
