import { DAY, EdgeError, type LogEvent, type LogPage, MINUTE } from '../../src/model/index.ts';
import type { LogQuery } from '../../src/providers/contract.ts';

type Entry = { readonly arrivesAt: number; readonly event: LogEvent };

const CURSOR_LIVES = 7 * DAY;
const REPEATS = 10 * MINUTE;

/** The provider's authentication log: ordered by arrival, up to five minutes late, the latest events perhaps twice. */
export class AuthLog {
  readonly #entries: Entry[] = [];
  #count = 0;

  add(event: Omit<LogEvent, 'id' | 'requestId' | 'geo'>, late: number): void {
    this.#count += 1;
    const id = `ev_${this.#count}`;
    const entry = {
      arrivesAt: event.time + late,
      event: { ...event, id, requestId: `req_${id}`, geo: null },
    };
    let index = this.#entries.length;
    while (index > 0 && (this.#entries[index - 1]?.arrivesAt ?? 0) > entry.arrivesAt) index -= 1;
    this.#entries.splice(index, 0, entry);
  }

  /** @param repeat so many events of the last minutes are given again */
  read(now: number, { cursor, since, limit }: LogQuery, repeat: number): LogPage {
    const arrived = this.#arrivedBy(now);
    const from = cursor === null ? this.#indexSince(since ?? 0) : this.#indexOf(cursor, now);
    let begin = from;
    while (begin > Math.max(0, from - repeat) && now - (this.#entries[begin - 1]?.arrivesAt ?? 0) < REPEATS)
      begin -= 1;
    const end = Math.min(arrived, begin + limit);
    const events = this.#entries.slice(begin, Math.max(begin, end)).map(({ event }) => event);
    return {
      events: cursor === null && since !== null ? events.filter(({ time }) => time >= since) : events,
      skipped: 0,
      nextCursor: `${Math.max(from, end)}@${now}`,
      hasMore: end < arrived,
    };
  }

  #arrivedBy(now: number): number {
    let count = this.#entries.length;
    while (count > 0 && (this.#entries[count - 1]?.arrivesAt ?? 0) > now) count -= 1;
    return count;
  }

  #indexSince(since: number): number {
    // By time, and times run backwards by five minutes at most.
    const found = this.#entries.findIndex(({ event }) => event.time >= since);
    return found < 0 ? this.#entries.length : found;
  }

  #indexOf(cursor: string, now: number): number {
    const [index = 0, givenAt = 0] = cursor.split('@').map(Number);
    if (now - givenAt < CURSOR_LIVES) return index;
    throw new EdgeError({
      code: 'cursor_expired',
      verdict: 'permanent',
      message: 'the log cursor is no longer known; resuming by time',
    });
  }
}
