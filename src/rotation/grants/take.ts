import type { Change, Failure, Grant, NarrowToken, Secret } from '../../model/index.ts';
import { assumedLife, isRejected, lifeOf } from './access.ts';
import { unknown } from './failed.ts';
import { faultSeen, faultsOver } from './faults.ts';
import { type ClientStep, putClient, served, strained } from './pauses.ts';
import { becomes, expectGrant, putAnswer, putGrant } from './put.ts';
import { retried } from './retry.ts';
import { scopesTold } from './scopes.ts';
import type { GrantFolded, GrantSituation, Tokens } from './situation.ts';
import { learnt } from './slides.ts';

const UNUSABLE = 'unusable_answer';

/** Its sealed answer holds no token: it is kept until the next request and not taken up again. */
export function isUnusable({ lastError }: Grant): boolean {
  return lastError?.code === UNUSABLE;
}

/**
 * A 200 is taken in: the grant's next generation. Whatever is wrong with the answer, the tokens in it are kept, and what it
 * does not hold stays as it was: without a refresh token the old one goes on (RFC 6749, 6).
 */
export function foldTaken(situation: GrantSituation, tokens: Tokens, now: number): GrantFolded {
  const { held, policy } = situation;
  const before = held.grant;
  const sentAt = before.attempt?.sentAt ?? now;
  const scope = before.attempt?.scope ?? null;
  const life = tokens.expiresIn ?? 0;
  const expiresAt = sentAt + (life > 0 ? life : assumedLife(before));
  const grant = nextGrant(situation, tokens, { sentAt, expiresAt, now });
  const step = clientAfter(situation, grant, tokens, { sentAt, now });
  const refresh = tokens.refresh ?? held.refresh;
  const access = scope === null ? (tokens.access ?? held.access) : held.access;
  const told =
    scope === null && tokens.scopes !== null
      ? scopesTold(before, tokens.scopes, policy, { before: before.scopes, now })
      : [];
  return {
    changes: [
      expectGrant(held),
      putGrant(grant, { tokens: { refresh, access } }),
      putAnswer(grant, null),
      ...(scope === null ? [] : putNarrow(grant, scope, tokens.access, { sentAt, expiresAt })),
      ...putClient(situation, step.client),
    ],
    signals: [...step.signals, ...told],
  };
}

type Times = { readonly sentAt: number; readonly expiresAt: number; readonly now: number };

function nextGrant({ held, spread }: GrantSituation, tokens: Tokens, times: Times): Grant {
  const { sentAt, expiresAt, now } = times;
  const before = held.grant;
  const generation = before.generation + 1;
  const main = before.attempt?.scope === null || before.attempt === null;
  const renews = main && tokens.access !== null;
  const next: Grant = {
    ...before,
    generation,
    scopes: main ? (tokens.scopes ?? before.scopes) : before.scopes,
    renewedAt: tokens.refresh === null ? before.renewedAt : sentAt,
    refreshExpiresAt: refreshEnd(before, tokens, sentAt),
    ...(renews ? { accessSentAt: sentAt, accessExpiresAt: expiresAt } : {}),
    // The same access token under a new number is refused as before.
    rejectedGeneration: !renews && isRejected(before) ? generation : null,
    attempt: null,
    attempts: 0,
    retryAt: null,
    lastError: tokens.faults.length === 0 ? null : malformed(tokens),
  };
  if (tokens.access !== null) return next;
  return retried({ ...next, attempts: before.attempts }, malformed(tokens), { now, spread, leisure: true });
}

function refreshEnd(before: Grant, { refresh, refreshExpiresIn }: Tokens, sentAt: number): number | null {
  if (refreshExpiresIn !== null) return sentAt + refreshExpiresIn;
  return refresh === null ? before.refreshExpiresAt : null;
}

/** What is wrong with an answer, as it is kept with the grant and told. */
export function malformed({ faults }: Tokens): Failure {
  const what = faults.length === 0 ? 'no access token' : faults.join('; ');
  return {
    code: 'malformed_answer',
    verdict: 'retryable',
    message: `the provider's token answer has faults: ${what}`,
  };
}

function clientAfter(
  { client, held, policy }: GrantSituation,
  grant: Grant,
  tokens: Tokens,
  { sentAt, now }: { readonly sentAt: number; readonly now: number },
): ClientStep {
  const endsAt = tokens.refreshExpiresIn === null ? null : grant.refreshExpiresAt;
  const heard = served(learnt(client, held.grant, { sentAt, endsAt }, policy), now);
  const step =
    grant.lastError === null
      ? faultsOver(heard.client, now, lifeOf(grant))
      : faultSeen(heard.client, 'malformed', grant.lastError, now, lifeOf(grant));
  return { client: step.client, signals: [...heard.signals, ...step.signals] };
}

function putNarrow(
  { client, subject, generation }: Grant,
  scope: string,
  value: Secret | null,
  { sentAt, expiresAt }: { readonly sentAt: number; readonly expiresAt: number },
): Change[] {
  if (value === null) return [];
  const token: NarrowToken = { client, subject, scope, value, sentAt, expiresAt, generation };
  return [{ type: 'narrow.put', token }];
}

/**
 * A 200 in which there is no token tells nothing of what became of the old one: the attempt stays open. The answer stays
 * sealed until the next request, for a person who looks into it.
 */
export function foldUnusable(situation: GrantSituation, failure: Failure, now: number): GrantFolded {
  const { held, client, spread } = situation;
  const coded: Failure = { ...failure, code: UNUSABLE, verdict: 'unknown' };
  const grant = unknown(situation, held.grant.attempt, coded, now);
  if (grant.state !== 'active') return becomes(situation, grant, client, [], [putAnswer(grant, null)]);
  const heard = strained(client, coded, now, spread);
  const told = faultSeen(heard.client, 'malformed', coded, now, lifeOf(grant));
  return becomes(situation, grant, told.client, [...heard.signals, ...told.signals]);
}
