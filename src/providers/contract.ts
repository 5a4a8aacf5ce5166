import type { LogPage, PluginContext, Secret, Trigger } from '../model/index.ts';

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
  /** Imports the adapter and what it depends on; called only where the kind is configured. */
  load(): Promise<(context: PluginContext<Config>) => Provider>;
};
