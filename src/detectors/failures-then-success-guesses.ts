import { Evidence } from './evidence.ts';
import type { Sight } from './sight.ts';
import { type Json, list, number, numbers, text } from './stored.ts';

/** Failing addresses kept; of two the one with fewer failures goes first, then the one that failed longer ago. */
const ADDRESSES = 300;
/** Of each, the times of its last failures, and keys that it tried. */
const TIMES = 16;
const KEYS = 10;

/** What one address failed at. */
export type Guess = {
  readonly ip: string;
  first: number;
  count: number;
  /** In order. */
  readonly times: number[];
  readonly keys: Set<string>;
  readonly evidence: Evidence;
};

/** Addresses that fail, each until it has not for the window's length. */
export class Guesses {
  readonly #window: number;
  readonly #guesses: Map<string, Guess>;
  /** Up to this time none is to be forgotten. */
  #until = Number.NEGATIVE_INFINITY;

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored: Json, window: number) {
    this.#window = window;
    this.#guesses = new Map(
      list(stored).map((entry) => {
        const [ip, first, count, times, keys, evidence] = list(entry);
        const guess = {
          ip: text(ip),
          first: number(first),
          count: number(count),
          times: numbers(times),
          keys: new Set(list(keys).map(text)),
          evidence: new Evidence(evidence),
        };
        return [guess.ip, guess] as const;
      }),
    );
  }

  of(ip: string): Guess | undefined {
    return this.#guesses.get(ip);
  }

  /** Counts the failure in sight, which is no repeat. */
  add(sight: Sight): Guess {
    const { event, at } = sight;
    const guess = this.#guesses.get(event.ip) ?? this.#begin(event.ip, at);
    guess.count += 1;
    guess.first = Math.min(guess.first, at);
    guess.times.push(at);
    guess.times.sort((a, b) => a - b);
    if (guess.times.length > TIMES) guess.times.shift();
    if (event.keyId !== null && guess.keys.size < KEYS) guess.keys.add(event.keyId);
    guess.evidence.add(sight);
    return guess;
  }

  #begin(ip: string, at: number): Guess {
    if (this.#guesses.size >= ADDRESSES) this.#makeRoom();
    const guess = { ip, first: at, count: 0, times: [], keys: new Set<string>(), evidence: new Evidence() };
    this.#guesses.set(ip, guess);
    this.#until = Math.min(this.#until, at + this.#window);
    return guess;
  }

  #makeRoom(): void {
    let least: Guess | undefined;
    for (const guess of this.#guesses.values()) {
      const fewer = least === undefined || guess.count < least.count;
      if (fewer || (guess.count === least?.count && lastOf(guess) < lastOf(least))) least = guess;
    }
    if (least !== undefined) this.#guesses.delete(least.ip);
  }

  /** How often it failed within the window before that time, at all where that was 16 times, and on how many keys at all. */
  before({ times, keys, count }: Guess, at: number): { readonly failures: number; readonly keys: number } {
    const failures = times.filter((time) => time <= at && time > at - this.#window).length;
    return { failures: failures < TIMES ? failures : count, keys: failures === 0 ? 0 : keys.size };
  }

  /** Forgets those that have not failed for long. */
  settle(settled: number): void {
    if (settled <= this.#until) return;
    this.#until = Number.POSITIVE_INFINITY;
    for (const guess of this.#guesses.values()) {
      const until = lastOf(guess) + this.#window;
      if (until < settled) this.#guesses.delete(guess.ip);
      else if (until < this.#until) this.#until = until;
    }
  }

  save(): Json {
    return Array.from(this.#guesses.values(), ({ ip, first, count, times, keys, evidence }) => [
      ip,
      first,
      count,
      times,
      [...keys],
      evidence.save(),
    ]);
  }
}

function lastOf({ times }: Guess): number {
  return times.at(-1) ?? 0;
}
