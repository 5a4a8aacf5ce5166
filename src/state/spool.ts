import type { Secret } from '../model/index.ts';

/** A mint's answer that the state could not take. */
export type SpooledAnswer = {
  readonly credential: string;
  readonly rotationId: string;
  readonly answer: Secret;
  /** When it came, by our clock. */
  readonly at: number;
};

/**
 * Where a minted key lies while the state cannot be written: a file of 64 KB for each credential, allocated and synced
 * before the mint, so that a full disk cannot refuse it; overwritten in place, sealed, mode 600.
 */
export type Spool = {
  /** Makes sure that there is room for one answer. @throws {StateError} where there is not */
  reserve(credential: string): Promise<void>;
  /** Durable once it resolves. @throws {StateError} where the disk takes not even this */
  save(entry: SpooledAnswer): Promise<void>;
  /** Everything that was saved and not cleared. */
  load(): Promise<readonly SpooledAnswer[]>;
  clear(credential: string): Promise<void>;
};
