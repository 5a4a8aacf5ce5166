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
  /** Rises by one with every version of a credential; destinations bear it as part of the {@link Mark}. */
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

/** What Keywarden knows of one place where a credential is published. */
export type Destination = {
  readonly credential: string;
  /** Stable over restarts and reorderings of the configuration: `vault:footage/frameflow#api_key`, `file:/run/app/.env#FRAMEFLOW_API_KEY`. */
  readonly id: string;
  /** `pending`: does not have the current version yet; `published`: has it, read back and compared; `failed`: cannot get it without a person. */
  readonly state: 'pending' | 'published' | 'failed';
  /** The version last seen there, null before the first publication. */
  readonly versionId: string | null;
  readonly publishedAt: number | null;
  /** Failed attempts in succession. */
  readonly attempts: number;
  readonly lastError: Failure | null;
};

/** What Keywarden remembers of a configured credential beyond its versions. */
export type CredentialRecord = {
  readonly name: string;
  readonly provider: string;
  /** `new`: no version adopted yet; `managed`; `attention`: a person is needed before the first version can be adopted. */
  readonly state: 'new' | 'managed' | 'attention';
  readonly firstSeenAt: number;
  /** Why a version could not be adopted or the current one cannot be used. */
  readonly lastError: Failure | null;
  /** Failed attempts in succession (adoptions while `new`, rotations while `managed`). */
  readonly attempts: number;
  /** Not before this time is a failed rotation tried again. */
  readonly retryAt: number | null;
};
