import type { GrantLane } from '../../model/index.ts';
import { DAY } from '../../model/index.ts';
import { planAmbiguous } from './ambiguous.ts';
import { nextRefresh } from './due.ts';
import { isLapsing } from './lapse.ts';
import { mayPass } from './pauses.ts';
import type { GrantAction, GrantSituation } from './situation.ts';
import { isUnusable } from './take.ts';

/** A dead grant has nothing to be done; it is looked at so seldom. */
const ASLEEP = 90 * DAY;

/**
 * What is next for a grant. An answer that was committed is taken in first, without a request; a dead grant rests, a
 * forgotten one is revoked, an open attempt is settled; and else it is refreshed when it is due ({@link nextRefresh}).
 * Nothing is sent while the client is paused.
 */
export function planGrant(situation: GrantSituation, now: number): GrantAction {
  const { held, client } = situation;
  if (held.answer !== null && !isUnusable(held.grant)) return { do: 'take' };
  const action = planRequest(situation, now);
  const sends = action.do === 'refresh' || action.do === 'revoke';
  if (!sends || client.pause === null || mayPass(situation, now)) return action;
  return wait(client.pause.until, laneAfter(situation, client.pause.until));
}

/** A long pause may last till the refresh token is near its end. */
function laneAfter({ held, policy, client, lane }: GrantSituation, at: number): GrantLane {
  if (lane === 'waiting' || held.grant.state !== 'active') return lane;
  return isLapsing(held.grant, policy, client, at) ? 'lapsing' : lane;
}

function planRequest(situation: GrantSituation, now: number): GrantAction {
  const { held, lane, wanted } = situation;
  const { grant } = held;
  const resting = grant.retryAt !== null && grant.retryAt > now ? grant.retryAt : null;
  if (grant.state === 'consent-required') return wait(now + ASLEEP, 'idle');
  if (grant.state === 'forgotten') return resting === null ? { do: 'revoke' } : wait(resting, 'idle');
  if (grant.attempt !== null) return planAmbiguous(situation, grant.attempt, now);
  const due = nextRefresh(situation, now);
  if (due.at <= now) return refresh(situation, null, now);
  const [narrow] = wanted;
  if (narrow === undefined) return wait(due.at, due.lane);
  return resting === null ? refresh(situation, narrow, now) : wait(resting, lane);
}

function refresh({ held, fingerprint }: GrantSituation, scope: string | null, now: number): GrantAction {
  const { generation } = held.grant;
  return { do: 'refresh', attempt: { generation, fingerprint, sentAt: now, sent: 1, scope } };
}

const wait = (until: number, lane: GrantLane): GrantAction => ({ do: 'wait', until, lane });
