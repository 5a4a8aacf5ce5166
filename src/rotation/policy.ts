import type { RotationTerms } from '../model/index.ts';
import type { Window } from './window.ts';

/** When and how a credential's key is replaced. A rotation that is open keeps the terms it began with. Durations in ms. */
export type RotationPolicy = RotationTerms & {
  /** `guided`: a person makes the keys, and is reminded; nothing is ever minted. */
  readonly mode: 'automatic' | 'guided';
  /** Guided: so long before a key is due for replacement a person is reminded, each time anew. Longest first. */
  readonly remindBefore: readonly number[];
  /** The provider ends a key that nobody uses for so long; null: it does not. */
  readonly inactivity: number | null;
  /** A key is used at most so long after the last use we know of; null: never by us, a person is reminded. */
  readonly keepAlive: number | null;
  /** An upper bound on a key's age: the last fitting slot before it is taken. */
  readonly every: number;
  /** Whether the first rotation waits for its time (from `issuedAt`, else from when Keywarden first saw the key). */
  readonly first: 'scheduled' | 'now';
  /** When the first key was made, where it is known. */
  readonly issuedAt: number | null;
  /** Scheduled rotations are spread over this long before their time. */
  readonly jitter: number;
  /** Scheduled rotations begin inside it; null: at any time. */
  readonly window: Window | null;
  /** On which days an overlap may end. */
  readonly overlapEnd: 'any' | 'weekdays';
};
