import type { CredentialRecord, Destination, ObservedMint, Version } from './credential.ts';
import type { Rotation } from './rotation.ts';

/** All that plans read of one credential, taken in one transaction. */
export type CredentialSnapshot = {
  readonly record: CredentialRecord;
  /** Rises with every commit that changes the record, a version or the open rotation; see `credential.expect`. */
  readonly revision: number;
  /** Newest (greatest number) first. */
  readonly versions: readonly Version[];
  /** The rotation that holds the credential, if any. */
  readonly open: Rotation | null;
  /** The one that waits for it, if any. */
  readonly queued: Rotation | null;
  readonly destinations: readonly Destination[];
  /** What the log showed and nothing explains yet, oldest first. */
  readonly mints: readonly ObservedMint[];
};
