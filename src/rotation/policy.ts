import type { Window } from './window.ts';

/** When and how a credential's key is replaced. Durations in ms. */
export type RotationPolicy = {
  /** An upper bound on a key's age: the last fitting slot before it is taken. */
  readonly every: number;
  /** How long the provider keeps the superseded key valid; the end follows the provider's own word. */
  readonly overlap: number;
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
  /** When a fresh key is believed: not before `minimum`, after `successes` acceptances in succession, within `budget`. */
  readonly settle: { readonly minimum: number; readonly budget: number; readonly successes: number };
};
