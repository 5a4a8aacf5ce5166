import type { ClientRecord, Failure, Grant } from '../../model/index.ts';
import { MINUTE } from '../../model/index.ts';
import { consentRequired } from './alerts.ts';
import { ANSWER_LOST } from './ambiguous.ts';
import { isPaused, paused, served } from './pauses.ts';
import { auditGrant, becomes } from './put.ts';
import { retried } from './retry.ts';
import type { GrantFolded, GrantSituation } from './situation.ts';

const WINDOW = 5 * MINUTE;
const LEAST = 20;
/** A provider that allows 120 requests a minute lets us see 600 in five minutes: of a million grants 1 % is never seen. */
const MOST = 500;

const REFUSED =
  'refused: the provider calls its refresh token invalid (revoked, expired or used by somebody else)';

/** So many refused within five minutes are not believed: more than 1 % of the client's grants, 20 at least, 500 at most. */
export function refusedAtOnce(grants: number): number {
  return Math.min(MOST, Math.max(LEAST, Math.floor(grants / 100) + 1));
}

/**
 * `invalid_grant`. The grant is dead and nothing more is sent for it; where an answer was lost before, that is the reason.
 * Where too many are refused at once the provider is not believed: those found dead before stay so, this one and the
 * further ones are kept, the client is paused and one alert told. It stays so until a grant is served again.
 */
export function foldRefused(situation: GrantSituation, failure: Failure, now: number): GrantFolded {
  const { held, grants } = situation;
  // Whoever hears that a grant is invalid was served: the client's secret is right, the server up.
  const doubted = situation.client.pause?.why === 'grants-refused';
  const heard = doubted ? { client: situation.client, signals: [] } : served(situation.client, now);
  const recent = [...heard.client.refusedAt.filter((at) => at > now - WINDOW), now].slice(-MOST);
  const client: ClientRecord = { ...heard.client, refusedAt: recent };
  if (doubted || recent.length >= refusedAtOnce(grants)) return doubt(situation, client, failure, now);
  const lost = (held.grant.attempt?.sent ?? 1) > 1;
  const dead = died(situation, client, lost ? ANSWER_LOST : REFUSED, failure, now);
  return { ...dead, signals: [...heard.signals, ...dead.signals] };
}

/** The grant is found dead: the user is needed, and told of once. */
export function died(
  situation: GrantSituation,
  client: ClientRecord,
  reason: string,
  failure: Failure | null,
  now: number,
): GrantFolded {
  const { grant } = situation.held;
  const dead: Grant = {
    ...grant,
    state: 'consent-required',
    reason,
    attempt: null,
    attempts: 0,
    retryAt: null,
    lastError: failure,
  };
  return becomes(
    situation,
    dead,
    client,
    [consentRequired(grant, reason, now)],
    [auditGrant(grant, 'consent-required', now, { reason })],
  );
}

/** It comes after those that were not refused yet: one of these proves sooner that the provider is well again. */
function doubt(situation: GrantSituation, client: ClientRecord, failure: Failure, now: number): GrantFolded {
  const { held, spread } = situation;
  const { attempt } = held.grant;
  const step = paused(client, 'grants-refused', failure, now);
  const until = isPaused(step.client, now) ? (step.client.pause?.until ?? now) : now;
  const ambiguous = attempt !== null && attempt.sent > 1 ? attempt : null;
  const kept = retried({ ...held.grant, attempt: ambiguous }, failure, { now: until, spread, leisure: true });
  return becomes(situation, kept, step.client, step.signals);
}
