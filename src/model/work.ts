import type { GrantLane } from './grant.ts';

/** What a due record is about; `work` rows bear one of these with the record's id. */
export type WorkKind =
  | 'credential'
  | 'publication'
  | 'hook'
  | 'watchdog'
  | 'login'
  | 'monitor'
  | 'delivery'
  /** One that is still triggered: a repeat, an escalation, the end of a silence. */
  | 'alert'
  /** A consent whose code is to be exchanged, or that is over. */
  | 'authorization'
  /** What concerns all grants of an OAuth client. */
  | 'client'
  /** Has no row in `work`: a million of them are due by their own table (docs/decisions/003-grants-are-their-own-due-records.md). */
  | 'grant';

/**
 * A record's due time. Everything Keywarden looks after has one; the loop claims what is due.
 * A lane is what is bounded together: `provider:frameflow`, `store:vault`, `channel:team`.
 */
export type Work = {
  readonly kind: WorkKind;
  readonly id: string;
  readonly lane: string;
  readonly dueAt: number;
};

const CHANNEL = 'channel:';

/**
 * Where messages to a channel stand. Those of rank 0 are claimed before those of rank 1, and both before the rest, with
 * the lane that rank 2 has.
 *
 * @example channelLane('team') // 'channel:team'
 */
export function channelLane(channel: string, rank: 0 | 1 | 2 = 2): string {
  return `${CHANNEL}${channel}${'!'.repeat(2 - rank)}`;
}

/** What is claimed as the records of a lane, in this order: a channel's by their ranks. */
export function ranksOf(lane: string): readonly string[] {
  return lane.startsWith(CHANNEL) ? [`${lane}!!`, `${lane}!`, lane] : [lane];
}

/** A worker's hold on a due record. Every write made under it must still match its fence. */
export type Claim = {
  readonly kind: WorkKind;
  readonly id: string;
  readonly lane: string;
  /** Of a grant: what it was due for. */
  readonly grantLane?: GrantLane;
  /** Rises with every claim of this record; an older holder's writes are refused. */
  readonly fence: number;
  /** Counts wake-ups: one that comes while the claim is held is not lost at its release. */
  readonly wakes: number;
  readonly dueAt: number;
  readonly expiresAt: number;
};
