import { DAY, MINUTE } from '../model/index.ts';

/** How late an event can arrive at the log after it happened, by the provider's contract. */
export const LATENESS = 5 * MINUTE;

/** For how long the log can repeat an event, by the provider's contract. */
export const REPEATS = 10 * MINUTE;

/** A poll that leads further than this shows a clock that was set wrong as well as a log that was not read: events decide. */
const LEAP = 7 * DAY;
/** An event from before this is one without a time: no provider keeps its log so long. */
const OLDEST = 400 * DAY;

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

  /** The time an event counts at. One from the future or from before all logs (a broken clock) must not carry the log's time off. */
  take(time: number, now: number): number {
    this.#comeBack(now);
    const at = time > now + LATENESS || time < now - OLDEST ? now : time;
    if (at > this.reached) this.reached = at;
    return at;
  }

  /** The log was read to its end at `now`. */
  readTo(now: number): void {
    this.#comeBack(now);
    if (now > this.reached && (this.reached === 0 || now - this.reached <= LEAP)) this.reached = now;
  }

  /** What was read under a clock that ran ahead was read by now at the latest. */
  #comeBack(now: number): void {
    if (this.reached > now + LATENESS) this.reached = now;
  }

  /** All that happened before has arrived. */
  get settled(): number {
    return this.reached - LATENESS;
  }
}
