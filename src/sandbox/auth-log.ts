import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { WireGeo } from './origin.ts';

/** One entry of GET /v1/auth/logs, as the contract writes it. */
export type WireEvent = {
  readonly id: string;
  readonly time: string;
  readonly key_id: string | null;
  readonly ip: string;
  readonly geo: WireGeo | null;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly user_agent: string | null;
  readonly minted_key_id?: string;
  readonly request_id?: string;
  /** The sandbox's own: says of a 403 that the request came without TLS. */
  readonly type?: 'plaintext_attempt';
};

/** What the log holds: an event, or whatever else was played into it to try its readers. `time` in ms orders `since`. */
export type Entry = { readonly time: number; readonly event: unknown };

export type Page = { readonly events: unknown[]; readonly next_cursor: string; readonly has_more: boolean };

export type PageQuery = {
  readonly cursor: string | null;
  /** ms; used only where there is no cursor. */
  readonly since: number | null;
  readonly limit: number;
};

const CURSOR_LIFE = 7 * 86_400_000;

/**
 * The account's authentication log, in the order of arrival.
 *
 * A cursor names the entry after which to go on, when it was given out, and bears a seal, so that one that is
 * made up or comes from another account is unknown.
 */
export class AuthLog {
  readonly #capacity: number;
  readonly #seal = randomBytes(32);
  #entries: Entry[] = [];
  /** How many entries were dropped before `#entries[0]`. */
  #dropped = 0;
  #underway: Array<Entry & { readonly arrivesAt: number }> = [];

  constructor(capacity = 200_000) {
    this.#capacity = capacity;
  }

  append(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length <= this.#capacity) return;
    const excess = this.#entries.length - Math.floor(this.#capacity * 0.95);
    this.#entries = this.#entries.slice(excess);
    this.#dropped += excess;
  }

  /** An event that happened at its `time` and reaches the log only at `arrivesAt`. */
  appendLater(entry: Entry, arrivesAt: number): void {
    this.#underway.push({ ...entry, arrivesAt });
  }

  /** The last `count` entries come once more. Gives how many there were. */
  repeatLast(count: number): number {
    const again = count > 0 ? this.#entries.slice(-count) : [];
    for (const entry of again) this.append(entry);
    return again.length;
  }

  /** A page, or null where the cursor is unknown or expired, or what it points at was dropped. */
  page(query: PageQuery, now: number): Page | null {
    this.#arrive(now);
    if (query.cursor === null) return this.#pageSince(query.since, query.limit, now);
    const position = this.#open(query.cursor, now);
    if (position === null || position < this.#dropped) return null;
    const from = position - this.#dropped;
    return this.#page(this.#entries.slice(from, from + query.limit), position + query.limit, now);
  }

  /** All that is kept, in the order of arrival. */
  all(now: number): unknown[] {
    this.#arrive(now);
    return this.#entries.map((entry) => entry.event);
  }

  #pageSince(since: number | null, limit: number, now: number): Page {
    const found: Entry[] = [];
    let index = 0;
    for (; index < this.#entries.length && found.length < limit; index += 1) {
      const entry = this.#entries[index];
      if (entry !== undefined && (since === null || entry.time >= since)) found.push(entry);
    }
    return this.#page(found, this.#dropped + index, now);
  }

  #page(entries: readonly Entry[], next: number, now: number): Page {
    const end = this.#dropped + this.#entries.length;
    return {
      events: entries.map((entry) => entry.event),
      next_cursor: this.#cursor(Math.min(next, end), now),
      has_more: next < end,
    };
  }

  #arrive(now: number): void {
    const due = this.#underway.filter((entry) => entry.arrivesAt <= now);
    if (due.length === 0) return;
    this.#underway = this.#underway.filter((entry) => entry.arrivesAt > now);
    due.sort((a, b) => a.arrivesAt - b.arrivesAt);
    for (const { time, event } of due) this.append({ time, event });
  }

  #cursor(position: number, now: number): string {
    const content = `${position}.${now}`;
    return Buffer.from(`${content}.${this.#sealOf(content).toString('hex')}`).toString('base64url');
  }

  #open(cursor: string, now: number): number | null {
    const [, content, seal] =
      /^(\d+\.\d+)\.([0-9a-f]{24})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
    if (content === undefined || seal === undefined) return null;
    if (!timingSafeEqual(Buffer.from(seal, 'hex'), this.#sealOf(content))) return null;
    const [position = 0, issuedAt = 0] = content.split('.').map(Number);
    return now - issuedAt < CURSOR_LIFE ? position : null;
  }

  #sealOf(content: string): Buffer {
    return createHmac('sha256', this.#seal).update(content).digest().subarray(0, 12);
  }
}
