import type { Failure } from './errors.ts';

/** Where a version of a credential stands; see `contracts/surface.md`, "States". */
export type VersionState =
  /** minted, not yet verified */
  | 'pending'
  /** what every destination shall have */
  | 'current'
  /** superseded, still valid until `expiresAt` */
  | 'retiring'
  /** no longer valid */
  | 'retired'
  /** known to others */
  | 'compromised'
  /** minted and held, never accepted by the provider */
  | 'unused'
  /** minted, its value never reached us */
  | 'orphaned';

/** How a version came to us. */
export type VersionOrigin = 'configured' | 'adopted' | 'minted' | 'imported';

/** One value of a credential. The value itself is sealed in the state and read apart. */
export type Version = {
  /** A UUID. It also serves stores that take a client's token for a write. */
  readonly id: string;
  readonly credential: string;
  /**
   * Its place in the order of publication: destinations bear it as part of the {@link Mark}, and no destination's
   * number ever goes down. A version that is published again (a rollback and its end) takes the next free number.
   */
  readonly number: number;
  /** The provider's id of the key, once it is known. */
  readonly keyId: string | null;
  readonly state: VersionState;
  readonly origin: VersionOrigin;
  /** Keyed hash of the value, safe to show; null where the value never reached us. */
  readonly fingerprint: string | null;
  /** By the provider's word where it gives one, else by the configuration, else when Keywarden first saw it. */
  readonly createdAt: number;
  /** When the provider stops accepting it; null while that has no end known to us. */
  readonly expiresAt: number | null;
  /** When a person said that it is known to others; null otherwise. It stays `current` until its successor is. */
  readonly compromisedAt: number | null;
  /** When the provider last accepted it from Keywarden itself (a test, a keep-alive); null: never. */
  readonly acceptedAt: number | null;
  /** When the provider was last asked whether it still works, whatever came of that; null: never. */
  readonly probedAt: number | null;
};

/** What Keywarden writes beside a published value, in the form the destination allows. */
export type Mark = {
  /** `installation.name/installation.environment` */
  readonly installation: string;
  readonly credential: string;
  readonly number: number;
  readonly versionId: string;
  readonly keyId: string | null;
  readonly createdAt: number;
};

/** Mode and owner of a published file that are not what the configuration says. Holds no secret. */
export type AlteredRights = {
  /** What differs, for a person: `mode 644, owner 1001`. */
  readonly found: string;
  /** The same aspects as they shall be: `mode 600, owner 1000`. */
  readonly wanted: string;
  /** Somebody may read or write it who should not. */
  readonly wider: boolean;
  /** The command that puts it right. */
  readonly repair: string;
};

/** The hook of one destination: once for each version that arrives there, over restarts. */
export type HookRecord = {
  /** For which version it runs or ran. */
  readonly versionId: string;
  readonly state: 'owed' | 'done';
  /** Failed attempts in succession. */
  readonly attempts: number;
  readonly lastError: Failure | null;
  /** When it was owed, or done. */
  readonly at: number;
};

/** What Keywarden knows of one place where a credential is published. */
export type Destination = {
  readonly credential: string;
  /**
   * Stable over restarts and reorderings of the configuration: `vault:footage/frameflow#api_key`,
   * `file:/run/app/.env#FRAMEFLOW_API_KEY`; of an agent, `agent:checkout-7d9f`.
   */
  readonly id: string;
  /**
   * `pending`: does not have the current version yet; `published`: has it, read back and compared; `failed`: cannot
   * get it without a person; `drifted`: had it, and now holds something that is not ours.
   */
  readonly state: 'pending' | 'published' | 'failed' | 'drifted';
  /** The version last seen there, null before the first publication. */
  readonly versionId: string | null;
  readonly publishedAt: number | null;
  /** When it was last read back; when an agent last said what it holds. */
  readonly checkedAt: number | null;
  /** What is to run after a publication here; null where no hook is configured or none was owed yet. */
  readonly hook: HookRecord | null;
  /** Failed attempts in succession. */
  readonly attempts: number;
  /** How often in succession the newest key was looked for because of what stands here, and that still stands here. */
  readonly looks: number;
  readonly lastError: Failure | null;
};

/** What the ids of agents begin with. No store bears the name, for a store's destination has more than a name after it. */
export const AGENT_PREFIX = 'agent:';

/** No scheduled rotation until then. */
export type Pause = {
  /** Null: until somebody resumes. */
  readonly until: number | null;
  readonly reason: string | null;
  readonly actor: string;
  readonly since: number;
};

/**
 * In this time one or more of our mints by that signer were sent and not answered (or answered only in the end): a key
 * that the log shows as minted then is ours, lost.
 */
export type UncertainMint = {
  readonly rotationId: string;
  readonly signerVersionId: string;
  readonly from: number;
  readonly until: number;
};

/** What Keywarden remembers of a configured credential beyond its versions. */
export type CredentialRecord = {
  readonly name: string;
  readonly provider: string;
  /**
   * `new`: no version adopted yet, or looked for anew; `managed`; `attention`: a person is needed before the first
   * version can be adopted; `rejected`: the provider refuses the current key, and a better one is being looked for.
   */
  readonly state: 'new' | 'managed' | 'attention' | 'rejected';
  readonly firstSeenAt: number;
  /** Why a version could not be adopted or the current one cannot be used. */
  readonly lastError: Failure | null;
  /** Failed attempts in succession (adoptions while `new` or `rejected`, rotations while `managed`). */
  readonly attempts: number;
  /** Not before this time is a failed rotation tried again. */
  readonly retryAt: number | null;
  readonly pause: Pause | null;
  /** The one rotation that a rejected current key was given for its recovery; null: it has not been used up. */
  readonly recoveryId: string | null;
  /** The last eight days' mints whose outcome was, for a time, unknown. */
  readonly uncertain: readonly UncertainMint[];
};

/** A rotation that the provider's log shows and that no version of ours explains yet. */
export type ObservedMint = {
  /** The log event's id. */
  readonly id: string;
  readonly credential: string;
  readonly signerKeyId: string;
  readonly mintedKeyId: string;
  /** By the provider's clock. */
  readonly at: number;
  readonly ip: string;
  readonly userAgent: string | null;
};

/** Somebody who uses a key, as the provider's log shows it. */
export type KeyUser = {
  readonly keyId: string;
  readonly ip: string;
  readonly userAgent: string | null;
  /** Accepted calls since `firstSeenAt`; a page of the log that is read twice counts twice. */
  readonly calls: number;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
};
