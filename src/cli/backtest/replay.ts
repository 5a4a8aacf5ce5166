import type { Locate, ManagedKey, Rules, WatchContext } from '../../detectors/contract.ts';
import { LATENESS, REPEATS } from '../../detectors/log-clock.ts';
import { createWatch, type Watch, type WatchState } from '../../detectors/watch.ts';
import { DAY, type Finding, HOUR, type LogEvent, MINUTE } from '../../model/index.ts';

/** Events of a page, as the daemon reads it. */
const PAGE = 1_000;

/** In a gap of the log polls go on by the minute for so long, then by the hour for so long; then nothing comes of them. */
const GAP = { byMinute: DAY, byHour: 30 * DAY } as const;

/** No entry of a log stands further behind the one before it, ms. */
export const BEHIND = LATENESS + REPEATS;

/** So long after its last event the open findings of a log are followed to their end. */
const AFTERWARDS = 2 * DAY;

export type ReplayOptions = {
  readonly monitor: string;
  readonly rules: Rules;
  readonly keys: readonly ManagedKey[];
  readonly locate: Locate;
};

/** What is told, and the poll that told it. `over`: the log has ended, so that only the end of what is open is of use. */
export type Tell = (finding: Finding, polledAt: number, over: boolean) => void;

/**
 * Plays a log to the watch as the daemon would have: a poll at each minute of the log's own time, which sees what came
 * before, in pages. It takes the order of the log for the order of arrival.
 *
 * By the provider's contract an entry is at most 5 minutes late, and comes again within 10. So one that is further ahead
 * of its follower comes from a broken clock, and does not carry the time off.
 */
export class Replay {
  readonly #watch: Watch;
  readonly #state: WatchState;
  readonly #options: ReplayOptions;
  readonly #tell: Tell;
  /** Its follower decides what its time is worth. */
  #held: LogEvent | null = null;
  #page: LogEvent[] = [];
  /** The next poll; 0 before the first event. */
  #next = 0;
  #over = false;

  constructor(options: ReplayOptions, tell: Tell) {
    this.#options = options;
    this.#tell = tell;
    this.#watch = createWatch(options.rules);
    this.#state = this.#watch.open([]);
  }

  /** Keys that were seen in the log. */
  get keys(): number {
    return Iterator.from(this.#state.habits.all()).reduce((count) => count + 1, 0);
  }

  take(events: readonly LogEvent[]): void {
    for (const event of events) {
      const held = this.#held;
      this.#held = event;
      if (held !== null) this.#add(held, held.time > event.time + BEHIND ? event.time : held.time);
    }
  }

  /** The log has ended. Call once, after the last event. */
  end(): void {
    if (this.#held === null) return;
    this.#add(this.#held, this.#held.time);
    this.#held = null;
    this.#pollTo(this.#next + LATENESS);
    this.#over = true;
    const end = this.#next + AFTERWARDS;
    for (let now = this.#next; now <= end; now += HOUR) this.#poll(now);
  }

  #add(event: LogEvent, time: number): void {
    if (this.#next === 0) this.#next = afterMinute(time);
    if (time >= this.#next) this.#pollTo(time);
    this.#page.push(event);
    if (this.#page.length >= PAGE) this.#observe(this.#next);
  }

  /** Every poll up to and at `time`. */
  #pollTo(time: number): void {
    const begun = this.#next;
    while (this.#next <= time) {
      this.#poll(this.#next);
      const gap = this.#next - begun;
      if (gap < GAP.byMinute) this.#next += MINUTE;
      else if (gap < GAP.byHour) this.#next += HOUR;
      else break;
    }
    // Polls stay on the full minute.
    if (this.#next <= time || this.#next > time + MINUTE) this.#next = afterMinute(time);
  }

  #poll(now: number): void {
    this.#observe(now);
    this.#told(this.#watch.tick(this.#state, this.#context(now)), now);
  }

  #observe(now: number): void {
    if (this.#page.length === 0) return;
    const page = this.#page;
    this.#page = [];
    this.#told(this.#watch.observe(this.#state, page, this.#context(now)), now);
  }

  #context(now: number): WatchContext {
    const { monitor, keys, locate } = this.#options;
    return { monitor, keys, locate, now, feed: null };
  }

  #told(findings: readonly Finding[], now: number): void {
    for (const finding of findings) this.#tell(finding, now, this.#over);
  }
}

/** The first full minute after. */
function afterMinute(time: number): number {
  return (Math.floor(time / MINUTE) + 1) * MINUTE;
}
