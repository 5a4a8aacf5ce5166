import type { Mark, Secret } from '../model/index.ts';

/** One version of a credential as an agent holds it. */
export type Held = {
  readonly value: Secret;
  /** What is written beside the value wherever it is published. */
  readonly mark: Mark;
  /** What the upstream said of the version beside its value: the local API says the same. */
  readonly view: Readonly<Record<string, unknown>>;
};

/** What an agent remembers of one file, over restarts. */
export type DestinationRecord = {
  /** The version that was last seen there; null: none yet. */
  readonly published: Mark | null;
  /** The hook of that version, or of the one that is about to be written; null: none was ever owed. */
  readonly hook: { readonly mark: Mark; readonly state: 'owed' | 'done' } | null;
};

export const UNSEEN: DestinationRecord = { published: null, hook: null };

/** The same version in the same place of the order of publication. */
export function isSame(one: Mark | null | undefined, other: Mark): boolean {
  return one?.versionId === other.versionId && one.number === other.number;
}
