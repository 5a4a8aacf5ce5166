import type { Change, Failure, Grant, HeldGrant, Secret } from '../../model/index.ts';
import { assumedLife } from './access.ts';
import { consentGiven } from './alerts.ts';
import { auditGrant, clearNarrow, expectGrant, putAnswer, putGrant } from './put.ts';
import { scopesTold } from './scopes.ts';
import type { GrantFolded, GrantPolicy, Tokens } from './situation.ts';
import { isUnusable, malformed } from './take.ts';

/** A consent whose code was exchanged. */
export type Consented = {
  readonly policy: GrantPolicy;
  readonly subject: string;
  /** The user's grant until now; null: there is none. */
  readonly known: HeldGrant | null;
  readonly tokens: Tokens;
  /** What was asked for. */
  readonly scopes: readonly string[];
  /** When the code was sent. */
  readonly sentAt: number;
  /** Who asked for it. */
  readonly actor: string;
};

/**
 * A consent's tokens become the grant, in whatever state an older one was; its alert ends. Without a refresh token in the
 * answer the old one goes on where it lives, for some servers give one at the first consent only, with all that is known
 * of it: its age, its end, a refresh that is under way; else the consent is of no use, and fails.
 *
 * The refresh token that is replaced is not revoked: a server may end all tokens of the user's grant with it
 * (RFC 7009, 2.1), the new ones too.
 */
export function foldConsent(consented: Consented, now: number): GrantFolded | { readonly failure: Failure } {
  const { policy, subject, known, tokens, sentAt, actor } = consented;
  const kept = tokens.refresh === null && known?.grant.state === 'active' ? known : null;
  const refresh = tokens.refresh ?? kept?.refresh ?? null;
  if (refresh === null) return { failure: NO_REFRESH_TOKEN };
  const life = tokens.expiresIn ?? 0;
  const scopes = tokens.scopes ?? consented.scopes;
  const generation = (known?.grant.generation ?? 0) + 1;
  const grant: Grant = {
    ...blankGrant(policy.client, subject, sentAt),
    generation,
    accessGeneration: generation,
    scopes,
    ...(kept === null ? {} : refreshOf(kept.grant)),
    ...(tokens.refreshExpiresIn === null ? {} : { refreshExpiresAt: sentAt + tokens.refreshExpiresIn }),
    accessSentAt: tokens.access === null ? null : sentAt,
    accessExpiresAt:
      tokens.access === null ? null : sentAt + (life > 0 ? life : assumedLife(known?.grant ?? null)),
    usedAt: known?.grant.usedAt ?? null,
    lastError: tokens.faults.length === 0 ? null : malformed(tokens),
  };
  return {
    changes: [
      ...replacing(known, grant, kept !== null && !isUnusable(kept.grant)),
      putGrant(grant, { tokens: { refresh, access: tokens.access }, due: { at: now, lane: 'idle' } }),
      auditGrant(grant, 'consented', now, { scopes: scopes.join(' ') }, actor),
    ],
    signals: [
      ...(known === null ? [] : [consentGiven(policy.client, subject, now)]),
      ...scopesTold(grant, scopes, policy, { before: null, now }),
    ],
  };
}

const NO_REFRESH_TOKEN: Failure = {
  code: 'no_refresh_token',
  verdict: 'permanent',
  message:
    'the provider gave no refresh token with this consent, so it could not be kept alive; have the client registered for offline access there, then have the user consent again',
};

/** An existing grant that moves in. */
export type MovingIn = {
  readonly policy: GrantPolicy;
  readonly subject: string;
  readonly refreshToken: Secret;
  /** Null: the client's. */
  readonly scopes: readonly string[] | null;
  readonly known: HeldGrant | null;
  readonly actor: string;
};

/**
 * An existing grant moves in; its refresh token is tested at its first refresh, which is due when nothing else is.
 *
 * Null where nothing is to be done: an import that is run again must not put a token back that was refreshed since, nor a
 * user who has disconnected; so only a dead grant is replaced, and not by the very token of which it died.
 */
export function takeOver(
  { policy, subject, refreshToken, scopes, known, actor }: MovingIn,
  now: number,
): GrantFolded | null {
  if (known !== null && (known.grant.state !== 'consent-required' || known.refresh.equals(refreshToken))) {
    return null;
  }
  const grant: Grant = {
    ...blankGrant(policy.client, subject, now),
    generation: 0,
    scopes: scopes ?? policy.scopes,
  };
  return {
    changes: [
      ...replacing(known, grant, false),
      putGrant(grant, { tokens: { refresh: refreshToken, access: null }, due: { at: now, lane: 'idle' } }),
      auditGrant(grant, 'taken-over', now, {}, actor),
    ],
    signals: known === null ? [] : [consentGiven(policy.client, subject, now)],
  };
}

/** What belongs to the refresh token, not to the consent: where that goes on, so does this. */
function refreshOf({ consentedAt, renewedAt, refreshExpiresAt, attempt }: Grant): Partial<Grant> {
  return { consentedAt, renewedAt, refreshExpiresAt, attempt };
}

/**
 * An answer to the old refresh token that was not taken in goes with it, unless the token goes on; access tokens with fewer
 * scopes were given by the old consent.
 */
function replacing(known: HeldGrant | null, { client, subject }: Grant, goesOn: boolean): Change[] {
  if (known === null) return [{ type: 'grant.expect', client, subject, revision: null }];
  const answer = known.answer === null || goesOn ? [] : [putAnswer(known.grant, null)];
  return [expectGrant(known), ...answer, clearNarrow(known.grant)];
}

function blankGrant(client: string, subject: string, at: number): Grant {
  return {
    client,
    subject,
    state: 'active',
    reason: null,
    generation: 1,
    scopes: [],
    consentedAt: at,
    renewedAt: at,
    refreshExpiresAt: null,
    accessSentAt: null,
    accessExpiresAt: null,
    usedAt: null,
    attempt: null,
    accessGeneration: 1,
    rejectedGeneration: null,
    attempts: 0,
    retryAt: null,
    lastError: null,
  };
}
