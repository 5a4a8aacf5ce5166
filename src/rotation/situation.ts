import type {
  Change,
  CredentialRecord,
  CredentialSnapshot,
  Failure,
  KeyUser,
  Mark,
  MintIntent,
  ObservedMint,
  Rotation,
  RotationStep,
  Secret,
  Version,
} from '../model/index.ts';
import { OPEN_STATES } from '../model/index.ts';
import type { RotationPolicy } from './policy.ts';

/** A destination, as far as the policy needs to know it. */
export type PolicyDestination = {
  readonly id: string;
  /** A mint waits until it can be written. */
  readonly required: boolean;
  /** How long its readers cache, ms: it must have the new version so much before the old one ends. */
  readonly consumerLag: number;
  /** The lane of its publications; null: it fetches by itself (see agents.ts). */
  readonly lane: string | null;
  /** Of an agent that has said nothing for longer than one that runs would: since when. */
  readonly silentSince?: number;
};

/** What surrounds one credential when it is planned: its rules, what the state knows, and numbers that come from outside. */
export type Situation = {
  /** `installation.name/installation.environment`: whose marks are ours. */
  readonly installation: string;
  readonly policy: RotationPolicy;
  readonly destinations: readonly PolicyDestination[];
  readonly snapshot: CredentialSnapshot;
  /** The steps of the open rotation. */
  readonly steps: readonly RotationStep[];
  /** Who uses the keys of the versions that are still valid, as far as the log told. */
  readonly users: readonly KeyUser[];
  /** When the current version's key was last used, by anybody and as far as we know; null: nobody knows. */
  readonly usedAt: number | null;
  /** False: our clock was stepped, or the provider has not answered yet, so that nobody knows its time. */
  readonly timeKnown: boolean;
  /** In [0, 1), fixed for the current version: where in the jitter its rotation falls. */
  readonly spread: number;
};

/** The same situation, once its record was written. */
export function withRecord<S extends Pick<Situation, 'snapshot'>>(situation: S, record: CredentialRecord): S {
  return { ...situation, snapshot: { ...situation.snapshot, record } };
}

/** The same situation, once these changes were committed, as far as decisions read them. */
export function applied<S extends Pick<Situation, 'snapshot'>>(situation: S, changes: readonly Change[]): S {
  let after = situation;
  for (const change of changes) {
    if (change.type === 'credential.put') after = withRecord(after, change.record);
    if (change.type === 'version.put') after = withVersions(after, [change.version]);
    if (change.type !== 'rotation.put' || after.snapshot.open?.id !== change.rotation.id) continue;
    const open = OPEN_STATES.includes(change.rotation.state) ? change.rotation : null;
    after = { ...after, snapshot: { ...after.snapshot, open } };
  }
  return after;
}

/** The same situation, once these versions were written. */
function withVersions<S extends Pick<Situation, 'snapshot'>>(situation: S, put: readonly Version[]): S {
  const versions = [
    ...put,
    ...situation.snapshot.versions.filter(({ id }) => !put.some((version) => version.id === id)),
  ].sort((a, b) => b.number - a.number);
  return { ...situation, snapshot: { ...situation.snapshot, versions } };
}

/** What is next for a credential. All but `wait` are performed, and their outcome is folded in. */
export type Action =
  /** Nothing until then (null: until something wakes it). */
  | { readonly do: 'wait'; readonly until: number | null }
  /** Find the first version: read every destination and test what is there. */
  | { readonly do: 'adopt' }
  /** A key that a person handed over was tested and becomes current. */
  | { readonly do: 'install'; readonly version: Version }
  /** Versions whose time is over. */
  | { readonly do: 'retire'; readonly versions: readonly Version[] }
  /** Open a rotation: the queued one, or a scheduled one. */
  | { readonly do: 'begin'; readonly queued: Rotation | null }
  /** An emergency, or a scheduled rotation where the current key is dying (null), takes the place of the open one. */
  | { readonly do: 'supersede'; readonly by: Rotation | null }
  | { readonly do: 'preflight'; readonly rotation: Rotation }
  /** Rotations in the provider's log are explained: ours, lost, or somebody else's. */
  | { readonly do: 'account'; readonly mints: readonly ObservedMint[] }
  /** The provider refuses the current key: re-read the stores, test what is held, recover. */
  | { readonly do: 'recover' }
  /** The minted key was never accepted and there is time for another. */
  | { readonly do: 'remint'; readonly rotation: Rotation; readonly version: Version }
  /** A rollback is over: the newer version is published again. */
  | { readonly do: 'comeback'; readonly rotation: Rotation }
  /** Does the provider still accept a key that is known to others? */
  | { readonly do: 'probe'; readonly version: Version }
  /** A call that keeps a key from lapsing for want of use. */
  | { readonly do: 'keepAlive'; readonly version: Version }
  /** The intent is committed before it is sent. */
  | { readonly do: 'mint'; readonly rotation: Rotation; readonly intent: MintIntent }
  /** Take in the answer that lies in the journal. */
  | { readonly do: 'take'; readonly rotation: Rotation }
  | { readonly do: 'verify'; readonly rotation: Rotation; readonly version: Version }
  /** Every destination has the new version. */
  | { readonly do: 'settle'; readonly rotation: Rotation }
  /** The overlap is over. */
  | { readonly do: 'close'; readonly rotation: Rotation }
  /** The overlap is over and a destination still lacks the new version. */
  | { readonly do: 'attend'; readonly rotation: Rotation };

/** What a value found at a destination, or the configured first one, turned out to be. */
export type Candidate = {
  readonly value: Secret;
  readonly fingerprint: string;
  readonly mark: Mark | null;
  readonly keyId: string | null;
  /** Null: the provider could not say (it was down). */
  readonly accepted: boolean | null;
  /** Why it was not accepted, or why that is unknown. */
  readonly failure: Failure | null;
};

/** What reading one destination brought. */
export type Reading = {
  readonly destination: string;
  readonly required: boolean;
  readonly candidate: Candidate | null;
  /** Why it could not be read. */
  readonly failure: Failure | null;
};

/** Whether the provider accepts a version that we hold; null: it could not say. */
export type HeldTest = {
  readonly versionId: string;
  readonly accepted: boolean | null;
  readonly failure: Failure | null;
};

/** A new key as the provider's adapter read it from the journal. */
export type Taken = {
  readonly value: Secret;
  readonly fingerprint: string;
  readonly keyId: string;
  readonly createdAt: number;
  readonly previousRotatedAt: number;
  readonly previousExpiresAt: number;
};

/** What came of an action. */
export type Outcome =
  | {
      readonly of: 'adopt';
      readonly readings: readonly Reading[];
      readonly configured: Candidate | null;
      readonly fault: Failure | null;
    }
  | { readonly of: 'recover'; readonly readings: readonly Reading[]; readonly held: readonly HeldTest[] }
  | { readonly of: 'probe'; readonly test: HeldTest }
  | { readonly of: 'keepAlive'; readonly test: HeldTest }
  | {
      readonly of: 'preflight';
      readonly results: ReadonlyArray<{ readonly destination: string; readonly failure: Failure | null }>;
    }
  | { readonly of: 'mint'; readonly answer: Secret }
  | { readonly of: 'take'; readonly taken: Taken }
  | { readonly of: 'verify'; readonly keyId: string | null }
  | { readonly of: 'mint'; readonly failure: Failure }
  | { readonly of: 'take'; readonly failure: Failure }
  | { readonly of: 'verify'; readonly failure: Failure }
  /** Nothing was done outside: the action is a step of our own. */
  | { readonly of: 'step' };
