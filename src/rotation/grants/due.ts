import type { Grant, GrantDue } from '../../model/index.ts';
import { DAY, HOUR } from '../../model/index.ts';
import { isRejected, lifeOf, needsRefresh } from './access.ts';
import { isLapsing, lapsesAt, ofLifetime, touchedAt } from './lapse.ts';
import type { GrantPolicy, GrantSituation } from './situation.ts';

/** A grant whose token an application got within this time is in use. */
const IN_USE = HOUR;

/**
 * When a grant is to be refreshed next, and in which lane; a time that is past means now. Lazy by default:
 *
 * - somebody waits and the token will not do: now;
 * - it moved in and was never tried: now, after all else;
 * - in use: {@link hotAt};
 * - idle: {@link keepAliveAt};
 * - where it is not known whether a refresh gives a new life, once after the assumed end: that tells.
 *
 * Never before `retryAt`.
 */
export function nextRefresh(situation: GrantSituation, now: number): GrantDue {
  const { held, client, policy } = situation;
  const due = wished(situation, now);
  const at = Math.max(due.at, held.grant.retryAt ?? 0);
  const lapsing = due.lane !== 'waiting' && isLapsing(held.grant, policy, client, Math.max(at, now));
  return { at, lane: lapsing ? 'lapsing' : due.lane };
}

function wished(situation: GrantSituation, now: number): GrantDue {
  const { held, policy, lane, client, spread } = situation;
  const { grant } = held;
  if (lane === 'waiting' && needsRefresh(grant, policy, now)) return { at: now, lane: 'waiting' };
  if (isRejected(grant)) return { at: now, lane: 'waiting' };
  if (grant.generation === 0) return { at: now, lane: 'idle' };
  if (isInUse(situation, now)) return { at: hotAt(grant, policy, spread) ?? now, lane: 'hot' };
  const idle = keepAliveAt(grant, situation);
  const untold = client.slides === null && grant.refreshExpiresAt === null;
  const tells = Math.ceil(lapsesAt(grant, policy, client) + spread * ofLifetime(1, policy));
  return { at: untold && tells > touchedAt(grant) ? Math.min(idle, tells) : idle, lane: 'idle' };
}

function isInUse({ held, lane }: GrantSituation, now: number): boolean {
  const { usedAt } = held.grant;
  return lane === 'waiting' || (usedAt !== null && usedAt > now - IN_USE);
}

/**
 * When a grant in use is refreshed: at 70 to 90 % of its access token's life, each at its own moment, and never later than
 * `before` its end (half of its life, where `before` is longer than that). Null: there is no token.
 */
export function hotAt(grant: Grant, { before }: GrantPolicy, spread: number): number | null {
  if (grant.accessSentAt === null || grant.accessExpiresAt === null) return null;
  const life = lifeOf(grant);
  const spaced = grant.accessSentAt + life * (0.7 + 0.2 * spread);
  return Math.floor(Math.min(spaced, grant.accessExpiresAt - Math.min(before, life / 2)));
}

/**
 * When a grant that nobody uses is refreshed: evenly over the 15 days from 10 days before `keepAlive` to 5 after it,
 * counted from its last refresh (with 60 days: days 50 to 65 of 90). A refresh token that lives for less has all of this
 * in proportion, and `keepAlive` is then two thirds of its life at most.
 */
function keepAliveAt(grant: Grant, { policy, client, spread }: GrantSituation): number {
  const touched = touchedAt(grant);
  // The end of one that no refresh prolongs comes nearer each time; it is kept in use by the lifetime that it once had.
  const told = client.slides === false ? null : grant.refreshExpiresAt;
  const most = policy.refreshLifetime;
  const life = told === null ? most : Math.max(Math.min(told - grant.renewedAt, most), ofLifetime(1, policy));
  const from = Math.min(policy.keepAlive, (life * 2) / 3) - Math.min(10 * DAY, life / 9);
  return Math.round(touched + Math.max(from, 0) + spread * Math.min(15 * DAY, life / 6));
}
