import type { Failure } from './errors.ts';

/** What set a rotation off. It is all the provider is told of the reason. */
export type Trigger = 'scheduled' | 'manual' | 'emergency';

/** See `contracts/surface.md`, "States". */
export type RotationState =
  | 'minting'
  | 'verifying'
  | 'publishing'
  | 'overlap'
  | 'completed'
  | 'failed'
  | 'attention'
  | 'abandoned'
  | 'superseded';

/** States in which a rotation holds its credential: no other may begin. */
export const OPEN_STATES: readonly RotationState[] = [
  'minting',
  'verifying',
  'publishing',
  'overlap',
  'attention',
];

/** A mint that was decided and committed before it is sent. */
export type MintIntent = {
  /** At most 64 characters; the same for every repeat of this mint. */
  readonly idempotencyKey: string;
  /** The version whose key signs the request. */
  readonly signerVersionId: string;
  readonly committedAt: number;
  /** How often it may have been processed without our knowing the answer; a send that surely was not does not count. */
  readonly sends: number;
};

/** A person went back to the previous version for a while. */
export type Rollback = {
  readonly until: number;
  readonly actor: string;
  /** When the newer version was published again; null while it is away. */
  readonly endedAt: number | null;
};

/** What a rotation goes by from its beginning to its end, whatever is configured meanwhile. Durations in ms. */
export type RotationTerms = {
  /** How long the provider keeps the superseded key valid; the end follows the provider's own word. */
  readonly overlap: number;
  /** So long before the overlap's end those who still use the old key are named, each time anew. Longest first. */
  readonly warnBefore: readonly number[];
  /** When a fresh key is believed: not before `minimum`, after `successes` acceptances in succession, within `budget`. */
  readonly settle: { readonly minimum: number; readonly budget: number; readonly successes: number };
};

/** One replacement of a credential's key, its overlap included. */
export type Rotation = {
  readonly id: string;
  readonly credential: string;
  readonly trigger: Trigger;
  readonly reason: string | null;
  /** Who asked for it: a token's name, or `schedule`. */
  readonly actor: string;
  /** The caller's Idempotency-Key, so that a repeated request finds the same rotation. */
  readonly requestKey: string | null;
  readonly state: RotationState;
  /** Asked for and waiting: an emergency waits for `minting` and `verifying` of the open one to end. */
  readonly queued: boolean;
  /** Null: it has not begun, or began before they were kept; the present configuration counts then. */
  readonly terms: RotationTerms | null;
  readonly previousVersionId: string | null;
  readonly newVersionId: string | null;
  /** The version whose key signs the mint where that is not the current one (a recovery); null: the current one. */
  readonly signerVersionId: string | null;
  readonly intent: MintIntent | null;
  /** How many keys it was given; more than one where a key was never accepted. */
  readonly mints: number;
  /** The previous version is, or was, published again until then; null: never. */
  readonly rollback: Rollback | null;
  /** When every required destination was last seen to be writable; a mint wants it fresh. */
  readonly preflightedAt: number | null;
  /** Failed attempts in succession of the step it is in. */
  readonly attempts: number;
  /** Not before this time is its step tried again; null: at once. */
  readonly retryAt: number | null;
  /** How often the provider accepted the new key in succession. */
  readonly accepted: number;
  /** When the provider minted the new key, by the provider's clock. */
  readonly mintedAt: number | null;
  /** When the mint's answer came, by ours: `settle` counts from here. */
  readonly answeredAt: number | null;
  readonly overlapEndsAt: number | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly lastError: Failure | null;
};

export type StepName = 'mint' | 'verify' | 'publish' | 'overlap' | 'retire';

/** One step of a rotation as people read it in `history` and the API. */
export type RotationStep = {
  readonly rotationId: string;
  readonly name: StepName;
  /** The destination for `publish`, else the empty string. */
  readonly destination: string;
  readonly state: 'pending' | 'running' | 'done' | 'failed' | 'skipped';
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly error: Failure | null;
};
