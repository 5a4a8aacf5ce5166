import { LATENESS, REPEATS } from './log-clock.ts';
import { type Json, list, number, numbers } from './stored.ts';

/** Ids kept in each of two halves; past it the older half goes early, and a repeat may count twice in a flood long told. */
const HALF = 20_000;

/**
 * Tells the first sight of an event from its repeats, for at least as long as the log repeats them.
 *
 * Only ids of events that would count somewhere are kept (refused calls, breaches), as 53-bit hashes: at most
 * 40,000 numbers. Whatever else a detector learns from an event must be the same when it is learnt twice.
 */
export class Repeats {
  #since: number;
  #newer: Set<number>;
  #older: Set<number>;

  constructor(stored: Json | undefined) {
    const [since, newer, older] = stored === undefined ? [0, [], []] : list(stored);
    this.#since = number(since);
    this.#newer = new Set(numbers(newer));
    this.#older = new Set(numbers(older));
  }

  /** True the first time. `reached` is the log's time. */
  first(id: string, reached: number): boolean {
    // A repeat can come REPEATS after an original that was itself ahead of the log's time by LATENESS.
    if (reached - this.#since > REPEATS + LATENESS || this.#newer.size >= HALF) {
      this.#older = this.#newer;
      this.#newer = new Set();
      this.#since = reached;
    }
    const key = hash53(id);
    if (this.#newer.has(key) || this.#older.has(key)) return false;
    this.#newer.add(key);
    return true;
  }

  save(): Json {
    return [this.#since, [...this.#newer], [...this.#older]];
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
