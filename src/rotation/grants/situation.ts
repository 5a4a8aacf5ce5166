import type {
  Change,
  ClientRecord,
  Failure,
  GrantLane,
  HeldGrant,
  RefreshAttempt,
  Secret,
  Signal,
} from '../../model/index.ts';

/** The rules of an OAuth client, as its configuration and its provider's kind give them. Durations in ms. */
export type GrantPolicy = {
  readonly client: string;
  /** The minimum that the application needs. */
  readonly scopes: readonly string[];
  /** A grant in use is refreshed no later than so long before its access token ends. */
  readonly before: number;
  /** A grant that nobody uses is refreshed so long after its last refresh, spread over the 15 days around it. */
  readonly keepAlive: number;
  /** How long the provider accepts a rotated refresh token again; 0: not at all. */
  readonly refreshGrace: number;
  /** How long a refresh token lives. */
  readonly refreshLifetime: number;
};

/**
 * What surrounds one grant when it is planned. Its times and the `now` of the rules are of one clock: the provider's,
 * where it is known.
 */
export type GrantSituation = {
  readonly policy: GrantPolicy;
  readonly held: HeldGrant;
  readonly client: ClientRecord;
  /** What a change of the client's record expects (0: it was never written). */
  readonly clientRevision: number;
  /** How many grants the client has, for what counts as many at once. */
  readonly grants: number;
  /** Scopes that somebody waits for at this moment (see scopeKey), besides all of them. */
  readonly wanted: readonly string[];
  /** Why the grant was claimed. */
  readonly lane: GrantLane;
  /** Keyed hash of the present refresh token. */
  readonly fingerprint: string;
  /** In [0, 1), fixed for the grant and its generation: where in the jitter it falls. */
  readonly spread: number;
};

/** What is next for a grant. All but `wait` are performed, and their outcome is folded in. */
export type GrantAction =
  | { readonly do: 'wait'; readonly until: number; readonly lane: GrantLane }
  /** The attempt is committed before it is sent. */
  | { readonly do: 'refresh'; readonly attempt: RefreshAttempt }
  /** Take in the raw answer that was committed. */
  | { readonly do: 'take' }
  /** What was sent can no longer be found out: the user is needed. */
  | { readonly do: 'give-up'; readonly reason: string }
  | { readonly do: 'revoke' };

/** A token endpoint's 200, read as far as it can be: what is wrong with it is told and loses nothing. */
export type Tokens = {
  readonly access: Secret | null;
  /** Null: the old one stays. */
  readonly refresh: Secret | null;
  /** Life of the access token from the time of the request, ms; null where the answer does not say it sanely. */
  readonly expiresIn: number | null;
  /** Life of the refresh token, where the answer says it; ms. */
  readonly refreshExpiresIn: number | null;
  /** Null: as asked for. */
  readonly scopes: readonly string[] | null;
  /** What the answer has wrong, in plain words without any value of it; empty: nothing. */
  readonly faults: readonly string[];
};

/** What came of an action. */
export type GrantOutcome =
  | { readonly of: 'refresh'; readonly answer: Secret }
  | { readonly of: 'refresh'; readonly failure: Failure }
  | { readonly of: 'take'; readonly tokens: Tokens }
  /** The answer holds no token at all: it tells nothing of what became of the old one. */
  | { readonly of: 'take'; readonly failure: Failure }
  /** {@link NO_REVOCATION} where the server has no endpoint for it. */
  | { readonly of: 'revoke'; readonly failure: Failure | null }
  | { readonly of: 'step' };

/** What a fold asks to be written and told. */
export type GrantFolded = { readonly changes: readonly Change[]; readonly signals: readonly Signal[] };

/** The code of a revocation that cannot be had: the provider keeps the grant until it ends by itself. */
export const NO_REVOCATION = 'no_revocation_endpoint';
