import type { Failure } from './errors.ts';
import type { Secret } from './secret.ts';

/**
 * Where a grant stands.
 *
 * - `active`: kept alive, tokens are handed out.
 * - `consent-required`: its refresh token is dead or must be taken to be; only the user can bring it back.
 * - `forgotten`: the user disconnected; gone for everybody, kept until the provider has revoked it.
 */
export type GrantState = 'active' | 'consent-required' | 'forgotten';

/**
 * A refresh that was, or is about to be, sent. It is committed before the request and ends with the commit that takes its
 * outcome in; one that is found open later is ambiguous, never free.
 */
export type RefreshAttempt = {
  /** The grant's generation when it was sent. */
  readonly generation: number;
  /** Keyed hash of the refresh token that was presented. */
  readonly fingerprint: string;
  /**
   * When it was presented, by the provider's clock where that is known; integer ms. Of replays within the provider's
   * grace, when it was first presented; a probe after that begins anew.
   */
  readonly sentAt: number;
  /** How often it was presented. */
  readonly sent: number;
  /** Fewer scopes than were granted (see {@link scopeKey}); null: all of them. */
  readonly scope: string | null;
};

/** The user's right, given to one client of ours, as far as it may be shown. Its tokens are sealed and read apart. */
export type Grant = {
  /** The client's name in the configuration. */
  readonly client: string;
  /** Who gave it, as the application names its user: any string of up to 255 characters. */
  readonly subject: string;
  readonly state: GrantState;
  /** Why the user is needed, in plain words; null unless the state is `consent-required`. */
  readonly reason: string | null;
  /** Rises with every answer that was taken in: 1 after the consent, 0 for one that moved in and was not tested yet. */
  readonly generation: number;
  /** What was granted, as the provider said it; what was asked for where it said nothing. */
  readonly scopes: readonly string[];
  /** When the user consented, or the grant was taken over; integer ms, as all times here. */
  readonly consentedAt: number;
  /** When the present refresh token was got. */
  readonly renewedAt: number;
  /** When the refresh token ends, by the provider's word; null where it gave none: then the client's lifetime counts. */
  readonly refreshExpiresAt: number | null;
  /** When the request was sent that brought the present access token, and when that token ends; null: there is none. */
  readonly accessSentAt: number | null;
  readonly accessExpiresAt: number | null;
  /** The generation that brought the present access token: a refresh for fewer scopes leaves that as it is. */
  readonly accessGeneration: number;
  /** When an application last got a token of it, to some ten minutes; null: never. */
  readonly usedAt: number | null;
  readonly attempt: RefreshAttempt | null;
  /** An application said that the access token of this generation is refused; each is refreshed so once. Null: none. */
  readonly rejectedGeneration: number | null;
  /** Failures in succession. */
  readonly attempts: number;
  readonly retryAt: number | null;
  readonly lastError: Failure | null;
};

/** A grant with its tokens. `revision` rises with every put and every raw answer; a commit names the one it read. */
export type HeldGrant = {
  readonly grant: Grant;
  readonly revision: number;
  readonly refresh: Secret;
  readonly access: Secret | null;
  /** A raw answer that was committed and not taken in yet. */
  readonly answer: Secret | null;
};

/** An access token with fewer scopes than the grant's. */
export type NarrowToken = {
  readonly client: string;
  readonly subject: string;
  /** What was asked for; see {@link scopeKey}. */
  readonly scope: string;
  /** What was given, as the provider said it: one that ignores what is asked for gives more. */
  readonly scopes: readonly string[];
  readonly value: Secret;
  readonly sentAt: number;
  readonly expiresAt: number;
  /** The grant's generation that brought it. */
  readonly generation: number;
};

/**
 * What is due first where a client's rate does not suffice for all, in this order: a waiting caller, a refresh token that
 * is near its end, a grant that is in use, one that is only kept alive.
 */
export const GRANT_LANES = ['waiting', 'lapsing', 'hot', 'idle'] as const;
export type GrantLane = (typeof GRANT_LANES)[number];

/** Why nothing is refreshed for a client until a time. */
export type ClientPause = {
  readonly until: number;
  /** `rate-limited`: 429. `unavailable`: 503 again and again. `client-refused`: its secret. `grants-refused`: too many at once. */
  readonly why: 'rate-limited' | 'unavailable' | 'client-refused' | 'grants-refused';
  /** Pauses for this reason in succession. */
  readonly count: number;
};

/** What Keywarden remembers of an OAuth client of its configuration. */
export type ClientRecord = {
  readonly client: string;
  readonly pause: ClientPause | null;
  /** When grants were refused within the last five minutes; the latest 500 at most. */
  readonly refusedAt: readonly number[];
  /** Requests in succession, over all grants, that were not served or of which nothing is known. */
  readonly failures: number;
  /** Conditions of alerts that a good answer ends, each with the time at which its cause was last seen. */
  readonly faults: Readonly<Record<string, number>>;
  /** Whether a refresh gives the refresh token a new life; null: not known yet, and the worst is assumed. */
  readonly slides: boolean | null;
  /** When its log or its grants were last gone through, for what concerns all of them; null: never. */
  readonly lookedAt: number | null;
};

/** Where the consent of one user stands. */
export type AuthorizationState =
  /** the user is at the provider, or nowhere */
  | 'pending'
  /** the provider sent the user back with a code, which is to be exchanged */
  | 'received'
  /** the code is on its way: found so later, its answer is lost and it is void */
  | 'exchanging'
  | 'completed'
  | 'failed';

/** One consent that was asked for. Single use, and over after ten minutes. */
export type Authorization = {
  /** A UUID. */
  readonly id: string;
  readonly client: string;
  readonly subject: string;
  readonly state: AuthorizationState;
  /** Digest of OAuth's `state` parameter, by which the callback finds it. */
  readonly stateDigest: string;
  readonly scopes: readonly string[];
  /** Where the callback sends the user on to; null: a page of Keywarden's own. */
  readonly returnUrl: string | null;
  /** Who asked for it: a token's name. */
  readonly actor: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** When the code was sent; null before. */
  readonly sentAt: number | null;
  /** Why it failed, for the user and the operator. */
  readonly error: Failure | null;
};

/** What an authorization keeps sealed. */
export type AuthorizationSecrets = {
  /** PKCE's code verifier (RFC 7636). */
  readonly verifier: Secret;
  /** The callback's query, whole, once it came. */
  readonly callback: Secret | null;
  /** The raw answer to the exchange of the code, once it came. */
  readonly answer: Secret | null;
};

/**
 * One name for a set of scopes: sorted, each once, divided by spaces.
 *
 * @example scopeKey(['b', 'a', 'b']) // 'a b'
 */
export function scopeKey(scopes: readonly string[]): string {
  return [...new Set(scopes)].sort().join(' ');
}
