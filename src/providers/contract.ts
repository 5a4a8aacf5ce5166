import type { LogPage, PluginContext, Secret, SecretSource, Trigger } from '../model/index.ts';

/** What a provider answered to a mint, before anything is believed of it. */
export type MintAnswer = {
  /** The whole body, byte for byte: it holds the new key and goes to the journal first. */
  readonly raw: Secret;
};

/** A new key, read from a {@link MintAnswer}. Times by the provider's clock. */
export type MintedKey = {
  readonly key: Secret;
  readonly keyId: string;
  readonly createdAt: number;
  readonly previousKeyId: string;
  /** When the signing key was first rotated: before our call where an earlier one had its effect. */
  readonly previousRotatedAt: number;
  readonly previousExpiresAt: number;
};

/** A provider accepted a key. */
export type Acceptance = {
  /** The provider's id of the key, where the answer gave one. */
  readonly keyId: string | null;
};

export type LogQuery = {
  readonly cursor: string | null;
  /** Used only where there is no cursor. */
  readonly since: number | null;
  readonly limit: number;
};

/** A provider's clock as its last answer told it, and ours at that moment. */
export type SeenClock = {
  /** Its Date header, ms since the epoch. */
  readonly date: number;
  /** When the call was sent, by our wall clock: the answer was made between then and `wall`. */
  readonly sent: number;
  readonly wall: number;
  readonly steady: number;
};

/**
 * A provider's API, as far as Keywarden needs it. Every method throws an EdgeError and nothing else.
 * `urgent` lets the call use the key's whole rate limit instead of `rateShare`.
 */
export type Provider = {
  /** Why `key` cannot be one of this provider's keys (its form), or null. Never quotes the key. */
  malformed(key: Secret): string | null;
  /** Why `next` may never take the place of `current` (a test key for a live one), or null. Never quotes a key. */
  mismatch(current: Secret, next: Secret): string | null;
  /** Mints the successor of `key`. `unknown` where it may have been minted without our having it. */
  mint(
    key: Secret,
    request: { readonly idempotencyKey: string; readonly trigger: Trigger },
  ): Promise<MintAnswer>;
  /**
   * Pure. `signer` is the key that signed the mint: an answer that gives it back as the new one is unusable.
   * @throws {EdgeError} `unusable_answer` with verdict `unknown`
   */
  parseMint(answer: Secret, signer?: Secret): MintedKey;
  /** The cheapest call that proves `key` to be accepted. @throws {EdgeError} verdict `rejected` where it is not */
  verify(key: Secret, options?: { readonly urgent?: boolean }): Promise<Acceptance>;
  /** @throws {EdgeError} `cursor_expired` where the cursor is no longer known */
  readLog(key: Secret, query: LogQuery): Promise<LogPage>;
  /** Null before the first answer. One without a sane Date header (RFC 9110, 6.6.1) counts by our clock. */
  seenClock(): SeenClock | null;
  close(): Promise<void>;
};

/** What a user's browser is sent away with, and what its return must match. */
export type ConsentRequest = {
  /** Unguessable and single use (RFC 6749, 10.12). */
  readonly state: string;
  /** PKCE's S256 challenge (RFC 7636). */
  readonly challenge: string;
  readonly scopes: readonly string[];
};

/** A token endpoint's 200, read as far as it can be; see rotation/grants. */
export type TokenAnswer = {
  readonly access: Secret | null;
  readonly refresh: Secret | null;
  /** Ms. */
  readonly expiresIn: number | null;
  /** Ms. */
  readonly refreshExpiresIn: number | null;
  readonly scopes: readonly string[] | null;
  /** What is wrong with it, in plain words without any value of it. */
  readonly faults: readonly string[];
};

/**
 * One OAuth client at its authorization server. Every method throws an EdgeError and nothing else.
 *
 * Codes that policies read: `invalid_grant` (verdict `rejected`), `invalid_client` (`permanent`), `invalid_scope`
 * (`permanent`), `rate_limited` and `unavailable` (`retryable`, 429 and 503: not processed). `unknown` wherever the server
 * may have processed it: 500, 502, 504, a timeout, a lost answer. No answer of the server's is quoted with a token in it.
 */
export type OAuthClient = {
  /** Where the user's browser goes. @throws {EdgeError} where the server's metadata cannot be had */
  authorizeUrl(request: ConsentRequest): Promise<string>;
  /**
   * Whether the callback's query is a genuine success: state, `iss` where the server gives it (RFC 9207), no error.
   * @throws {EdgeError} permanent: `access_denied` and the like, the server's word for why there is no code
   * (`authorization_failed` where that is none of RFC 6749's); `issuer_mismatch`; `bad_callback`, also where a server that
   * always sends `iss` seems not to have
   */
  checkCallback(query: URLSearchParams, state: string): Promise<void>;
  /** Exchanges the code in the callback's query. Gives the raw 200, whole, before anything is believed of it. */
  exchange(request: { readonly callback: Secret; readonly verifier: Secret }): Promise<Secret>;
  /** Presents the refresh token. Gives the raw 200, whole. `scopes`: fewer than were granted; null: all. */
  refresh(token: Secret, request: { readonly scopes: readonly string[] | null }): Promise<Secret>;
  /** Reads a raw 200. @throws {EdgeError} `unusable_answer`, verdict `unknown`: there is no token in it */
  parse(answer: Secret): Promise<TokenAnswer>;
  /**
   * RFC 7009. Resolves also where the server knows the token no more. Null where the server has no such endpoint; where that
   * is known only once its metadata was had, the first call fails with `no_revocation_endpoint`, permanent.
   */
  readonly revoke: ((token: Secret) => Promise<void>) | null;
  /** When the refresh token ends (RFC 7662), ms; null where it is not told. Null where the server has no such endpoint. */
  readonly introspect: ((token: Secret) => Promise<number | null>) | null;
  /** As {@link Provider.seenClock}. */
  seenClock(): SeenClock | null;
  close(): Promise<void>;
};

/** How an OAuth client is registered, as far as its provider's kind needs it. */
export type OAuthClientSettings = {
  readonly clientId: string;
  readonly authentication: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';
  /** The client's secret, or, for private_key_jwt, its private key (PEM or JWK). Read at each use. */
  readonly secret: SecretSource;
  readonly redirectUri: string;
};

/** What a kind says of its OAuth endpoints, where it has them. */
export type OAuthDefaults = {
  /** How long a refresh token lives, ms. */
  readonly refreshLifetime: number;
};

/** What the policy takes from a provider's kind where the configuration is silent. */
export type ProviderDefaults = {
  /** How long a superseded key stays valid, ms. */
  readonly overlap: number;
  readonly settle: { readonly minimum: number; readonly budget: number; readonly successes: number };
  /** False: keys are made by hand, and every credential is guided. */
  readonly rotates: boolean;
  /** False: there is no log to be watched. */
  readonly hasLog: boolean;
  /** It ends a key that nobody uses for so long, ms; null: it does not. */
  readonly inactivity: number | null;
};

/** One line in `providers/index.ts`. */
export type ProviderKind<Config> = {
  readonly defaults: ProviderDefaults;
  /** Imports the adapter and what it depends on; called only where the kind is configured. Null: it issues no keys. */
  readonly load: (() => Promise<(context: PluginContext<Config>) => Provider>) | null;
  /** For the OAuth clients of a provider of this kind; null: it issues no grants. */
  readonly oauth: {
    readonly defaults: OAuthDefaults;
    load(): Promise<(context: PluginContext<Config>, client: OAuthClientSettings) => OAuthClient>;
  } | null;
};
