import { MINUTE } from '../model/index.ts';

/** How late an event can arrive at the log after it happened, by the provider's contract. */
export const LATENESS = 5 * MINUTE;

/** For how long the log can repeat an event, by the provider's contract. */
export const REPEATS = 10 * MINUTE;

/**
 * The log's own time: how far the events seen, and the polls that reached its end, have come. Detectors
 * go by it alone, so that a backfill, a replayed file and a feed that stood still for an hour are judged alike.
 */
export class LogClock {
  /** The latest time the log is known to have reached; 0 before the first event. */
  reached: number;

  constructor(reached: number) {
    this.reached = reached;
  }

  /** The time an event counts at. One from the future (a broken clock) must not carry the log's time off. */
  take(time: number, now: number): number {
    const at = time > now + LATENESS ? now : time;
    if (at > this.reached) this.reached = at;
    return at;
  }

  /** The log was read to its end at `now`. */
  readTo(now: number): void {
    if (now > this.reached) this.reached = now;
  }

  /** All that happened before has arrived. */
  get settled(): number {
    return this.reached - LATENESS;
  }
}
