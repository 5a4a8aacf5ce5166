import { LATENESS, REPEATS } from './log-clock.ts';
import { type Json, list, number, numbers } from './stored.ts';

/** Ids kept in all; past it the oldest go early, and a repeat may count twice in a flood long told. */
const MOST = 40_000;
/** A slice is full after so many ids or so much of the log's time: what is written with a page stays small. */
const SLICE = { ids: 2_000, ms: 60_000 } as const;
/** A repeat can come REPEATS after an original that was itself ahead of the log's time by LATENESS. */
const KEEP = REPEATS + LATENESS;

type Slice = {
  readonly serial: number;
  readonly since: number;
  until: number;
  readonly ids: number[];
  changed: boolean;
};

/**
 * Tells the first sight of an event from its repeats, for at least as long as the log repeats them.
 *
 * Only ids of events that would count somewhere are kept (refused calls, breaches), as 53-bit hashes: at most
 * 40,000 numbers, in slices of at most 2,000. Whatever else a detector learns from an event must be the same when it is learnt twice.
 */
export class Repeats {
  readonly #slices: Slice[] = [];
  /** The ids of all slices. */
  readonly #all = new Set<number>();
  #gone: number[] = [];

  /** Takes up a slice that {@link changes} gave. */
  admit(serial: number, stored: Json): void {
    const [since, until, ids] = list(stored);
    const slice = {
      serial,
      since: number(since),
      until: number(until),
      ids: numbers(ids),
      changed: false,
    };
    this.#slices.push(slice);
    this.#slices.sort((a, b) => a.serial - b.serial);
    for (const id of slice.ids) this.#all.add(id);
  }

  /** True the first time. `reached` is the log's time. */
  first(id: string, reached: number): boolean {
    const key = hash53(id);
    if (this.#all.has(key)) return false;
    this.#all.add(key);
    const slice = this.#open(reached);
    slice.ids.push(key);
    slice.until = Math.max(slice.until, reached);
    slice.changed = true;
    return true;
  }

  #open(reached: number): Slice {
    const last = this.#slices.at(-1);
    if (last !== undefined && last.ids.length < SLICE.ids && reached - last.since <= SLICE.ms) return last;
    const fresh = {
      serial: (last?.serial ?? 0) + 1,
      since: reached,
      until: reached,
      ids: [],
      changed: true,
    };
    this.#slices.push(fresh);
    this.#expire(reached);
    return fresh;
  }

  /** Forgets what is too old to come again. */
  #expire(reached: number): void {
    for (let [oldest] = this.#slices; oldest !== undefined; [oldest] = this.#slices) {
      if (this.#slices.length < 2 || (reached - oldest.until <= KEEP && this.#all.size <= MOST)) break;
      this.#slices.shift();
      for (const id of oldest.ids) this.#all.delete(id);
      this.#gone.push(oldest.serial);
    }
  }

  /** The slices that changed since the last call, and the serials of those that went. */
  changes(): {
    readonly put: readonly (readonly [serial: number, body: Json])[];
    readonly drop: readonly number[];
  } {
    const drop = this.#gone;
    this.#gone = [];
    const changed = this.#slices.filter((slice) => slice.changed);
    for (const slice of changed) slice.changed = false;
    const bodies = changed.map(({ serial, since, until, ids }): readonly [number, Json] => [
      serial,
      [since, until, ids],
    ]);
    return { put: bodies, drop };
  }
}

/** A 53-bit hash of text; no defence against somebody who picks the ids, and the provider picks them. */
function hash53(text: string): number {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x85ebca77);
    low = Math.imul(low ^ code, 0xc2b2ae3d);
  }
  high = Math.imul(high ^ (high >>> 15), 0x735a2d97) ^ (low >>> 13);
  low = Math.imul(low ^ (low >>> 15), 0xcaf649a9) ^ (high >>> 13);
  return (high & 0x1fffff) * 4_294_967_296 + (low >>> 0);
}
