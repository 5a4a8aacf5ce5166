import { LATENESS } from './log-clock.ts';
import { type Json, list, number, text } from './stored.ts';

/** Keys remembered of one monitor; the one unused for longest goes first. */
const KEYS = 2_000;
/** Addresses remembered of one key; the one unused for longest goes first. */
const ADDRESSES = 100;

/** An address from which a key was accepted. */
export type Source = { first: number; last: number };

/** What is remembered of one key of the account: since when it is seen, and from where it was accepted. */
export type Habit = {
  first: number;
  last: number;
  readonly sources: Map<string, Source>;
};

/** From where each key was accepted, for at most 2,000 keys with 100 addresses each. */
export class Sources {
  readonly #keys = new Map<string, Habit>();

  constructor(stored: Json | undefined) {
    for (const entry of list(stored ?? [])) {
      const [keyId, first, last, ...sources] = list(entry);
      const habit: Habit = { first: number(first), last: number(last), sources: new Map() };
      for (const source of sources) {
        const [ip, from, to] = list(source);
        habit.sources.set(text(ip), { first: number(from), last: number(to) });
      }
      this.#keys.set(text(keyId), habit);
    }
  }

  /** What is known of a key, if anything. */
  of(keyId: string): Habit | undefined {
    return this.#keys.get(keyId);
  }

  /** The key was used, accepted or not. */
  used(keyId: string, at: number): Habit {
    const known = this.#keys.get(keyId);
    if (known === undefined) {
      makeRoom(this.#keys, KEYS);
      const habit = { first: at, last: at, sources: new Map<string, Source>() };
      this.#keys.set(keyId, habit);
      return habit;
    }
    widen(known, at);
    return known;
  }

  save(): Json {
    return Array.from(this.#keys, ([keyId, { first, last, sources }]) => [
      keyId,
      first,
      last,
      ...Array.from(sources, ([ip, source]) => [ip, source.first, source.last]),
    ]);
  }
}

/** The key was accepted from this address. */
export function accepted(habit: Habit, ip: string, at: number): void {
  const known = habit.sources.get(ip);
  if (known !== undefined) {
    widen(known, at);
    return;
  }
  makeRoom(habit.sources, ADDRESSES);
  habit.sources.set(ip, { first: at, last: at });
}

/**
 * Whether the address was in use before `at`. What happened within the log's lateness does not count yet: else
 * the answer would hang on the order of arrival, and a guess that got in would make its own address a known one.
 */
export function knownBefore(source: Source | undefined, at: number): boolean {
  return source !== undefined && source.first < at - LATENESS;
}

function widen(span: Source | Habit, at: number): void {
  if (at < span.first) span.first = at;
  if (at > span.last) span.last = at;
}

function makeRoom(entries: Map<string, { readonly last: number }>, limit: number): void {
  if (entries.size < limit) return;
  let oldest: string | null = null;
  let last = Number.POSITIVE_INFINITY;
  for (const [name, entry] of entries) {
    if (entry.last >= last) continue;
    last = entry.last;
    oldest = name;
  }
  if (oldest !== null) entries.delete(oldest);
}
