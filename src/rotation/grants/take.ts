import type { Change, Failure, Grant } from '../../model/index.ts';
import { backoff } from '../backoff.ts';
import { assumedLife, lifeOf, needsNarrow } from './access.ts';
import { nextRefresh } from './due.ts';
import { unknown } from './failed.ts';
import { faultSeen, faultsOver } from './faults.ts';
import { type ClientStep, putClient, served, strained } from './pauses.ts';
import { becomes, expectGrant, putAnswer, putGrant } from './put.ts';
import { afterPause, retried } from './retry.ts';
import { compareScopes, scopesTold } from './scopes.ts';
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
export function foldTaken(situation: GrantSituation, answer: Tokens, now: number): GrantFolded {
  const { held, policy } = situation;
  const before = held.grant;
  const sentAt = sentAtOf(situation, now);
  const scope = before.attempt?.scope ?? null;
  const tokens = asAsked(answer, scope);
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
      putGrant(spaced({ ...situation, client: step.client }, grant, { sentAt, expiresAt, now }), {
        tokens: { refresh, access },
      }),
      putAnswer(grant, null),
      ...(scope === null ? [] : putNarrow(grant, scope, tokens, { sentAt, expiresAt })),
      ...putClient(situation, step.client),
    ],
    signals: [...step.signals, ...told],
  };
}

/**
 * When it was sent. Who did not know the server's time yet may have dated it ahead of what it is now: what was answered was
 * sent before, and what was replayed within the server's grace, first.
 */
function sentAtOf({ held, policy }: GrantSituation, now: number): number {
  const { attempt } = held.grant;
  if (attempt === null) return now;
  return attempt.sentAt <= now ? attempt.sentAt : now - (attempt.sent > 1 ? policy.refreshGrace : 0);
}

/** A server that ignores the scope of a refresh gives more than was asked for (RFC 6749, 6): a fault of its answer. */
function asAsked(tokens: Tokens, scope: string | null): Tokens {
  const asked = scope?.split(' ') ?? null;
  const excess = asked === null || tokens.scopes === null ? [] : compareScopes(tokens.scopes, asked).excess;
  if (excess.length === 0) return tokens;
  return { ...tokens, faults: [...tokens.faults, `more scopes than were asked for: ${excess.join(', ')}`] };
}

/**
 * A token that will not do when it comes (it lives shortly, its answer took long) is got anew at once no more than after a
 * failure: what would hold for the next one as well must not be a row of refreshes without an end.
 */
function spaced(situation: GrantSituation, grant: Grant, { sentAt, expiresAt, now }: Times): Grant {
  const { held, policy, spread, lane } = situation;
  if (grant.retryAt !== null || grant.state !== 'active') return grant;
  // Its share of the jitter is another with each generation: none is the soonest.
  const next: GrantSituation = { ...situation, held: { ...held, grant }, spread: 0 };
  const main = (held.grant.attempt?.scope ?? null) === null;
  const again = main
    ? ([lane, 'waiting'] as const).some((each) => nextRefresh({ ...next, lane: each }, now).at <= now)
    : needsNarrow({ sentAt, expiresAt }, policy, now);
  if (!again) return grant;
  const attempts = held.grant.attempts + 1;
  return { ...grant, attempts, retryAt: now + Math.ceil(backoff(attempts, {}) * (1 + spread / 2)) };
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
    ...(renews ? { accessSentAt: sentAt, accessExpiresAt: expiresAt, accessGeneration: generation } : {}),
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
  { access: value, scopes: given }: Tokens,
  times: { readonly sentAt: number; readonly expiresAt: number },
): Change[] {
  if (value === null) return [];
  const scopes = given ?? scope.split(' ');
  return [{ type: 'narrow.put', token: { client, subject, scope, scopes, value, ...times, generation } }];
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
  // Whoever gets a 200 is no client that is refused: no pause for that may hold up the replay.
  const known: ClientStep =
    client.pause?.why === 'client-refused' ? served(client, now) : { client, signals: [] };
  const heard = strained(known.client, coded, now, spread);
  const told = faultSeen(heard.client, 'malformed', coded, now, lifeOf(grant));
  const signals = [...known.signals, ...heard.signals, ...told.signals];
  return becomes(situation, afterPause(situation, grant, told.client, now), told.client, signals);
}
