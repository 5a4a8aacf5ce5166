import type { Failure, Grant, HeldGrant } from '../../model/index.ts';
import { consentGiven } from './alerts.ts';
import { surelyEndedAt } from './lapse.ts';
import { paused, putClient, strained } from './pauses.ts';
import { auditGrant, becomes, clearNarrow, expectGrant, putGrant } from './put.ts';
import { afterPause, retried } from './retry.ts';
import { type GrantFolded, type GrantSituation, NO_REVOCATION } from './situation.ts';

/**
 * The user disconnects: gone for everybody with this commit, and then revoked at the provider until that is done. Its
 * access tokens go at once; the refresh token stays, sealed, for the revocation.
 */
export function forgetGrant(held: HeldGrant, actor: string, now: number): GrantFolded {
  const { client, subject } = held.grant;
  const grant: Grant = {
    ...held.grant,
    state: 'forgotten',
    reason: null,
    accessSentAt: null,
    accessExpiresAt: null,
    rejectedGeneration: null,
    attempts: 0,
    retryAt: null,
  };
  return {
    changes: [
      expectGrant(held),
      putGrant(grant, { tokens: { refresh: held.refresh, access: null }, due: { at: now, lane: 'hot' } }),
      clearNarrow(grant),
      auditGrant(grant, 'forgotten', now, {}, actor),
    ],
    signals: [consentGiven(client, subject, now)],
  };
}

/**
 * What came of a revocation (null: done). It is tried again until it is done, the server has no endpoint for it, or the
 * refresh token has ended by itself; then the grant is deleted.
 */
export function foldRevoked(situation: GrantSituation, failure: Failure | null, now: number): GrantFolded {
  const { held, policy, client, spread } = situation;
  const { grant } = held;
  // RFC 7009, 2.2: a token that the server does not know is as good as revoked.
  if (failure === null || failure.verdict === 'rejected') return gone(situation, { revoked: true }, now);
  if (failure.code === NO_REVOCATION) {
    const left = 'the provider has no endpoint for it and keeps the grant until it ends by itself';
    return gone(situation, { revoked: false, why: left }, now);
  }
  if (now >= surelyEndedAt(grant, policy)) {
    return gone(situation, { revoked: false, why: 'its refresh token has ended by itself' }, now);
  }
  const step =
    failure.code === 'invalid_client'
      ? paused(client, 'client-refused', failure, now)
      : failure.code === 'rate_limited'
        ? paused(client, 'rate-limited', failure, now)
        : failure.verdict === 'retryable'
          ? strained(client, failure, now, spread)
          : { client, signals: [] };
  const kept = retried(grant, failure, { now, spread, leisure: true });
  return becomes(situation, afterPause(situation, kept, step.client, now), step.client, step.signals);
}

function gone(situation: GrantSituation, how: { revoked: boolean; why?: string }, now: number): GrantFolded {
  const { held, client } = situation;
  const { grant } = held;
  return {
    changes: [
      expectGrant(held),
      { type: 'grant.delete', client: grant.client, subject: grant.subject },
      auditGrant(grant, 'revoked', now, how),
      ...putClient(situation, client),
    ],
    signals: [],
  };
}
