import { MINUTE } from '../model/index.ts';
import type { Guesses } from './failures-then-success-guesses.ts';
import { Recoveries } from './failures-then-success-habit.ts';
import { type Habits, Notes } from './habits.ts';
import type { LogClock } from './log-clock.ts';
import { type Json, list, number, text } from './stored.ts';

/** Newly accepted sources remembered until all failures before them have arrived. */
const NEWCOMERS = 500;

/** An address that a key was first accepted from within the last minutes, and until when it was. */
export type Newcomer = { readonly keyId: string; readonly ip: string; last: number };

/** The newly accepted sources; those that failed before teach what is usual for their key. */
export class Newcomers {
  readonly #guesses: Guesses;
  readonly #habits: Habits;
  readonly #notes = new Notes<Recoveries>('failures-then-success', {
    load: (note) => Recoveries.load(note),
    write: (recoveries) => JSON.stringify(recoveries.save()),
  });
  readonly #newcomers = new Map<string, Newcomer>();
  #nextLesson = 0;
  /** Of none of them has all arrived up to this time. */
  #until = Number.NEGATIVE_INFINITY;

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored: Json, guesses: Guesses, habits: Habits) {
    this.#guesses = guesses;
    this.#habits = habits;
    for (const entry of list(stored)) {
      const [keyId, ip, last] = list(entry);
      const loaded = { keyId: text(keyId), ip: text(ip), last: number(last) };
      this.#newcomers.set(nameOf(loaded.keyId, loaded.ip), loaded);
    }
  }

  all(): Iterable<Newcomer> {
    return this.#newcomers.values();
  }

  put(keyId: string, ip: string, at: number): Newcomer {
    const name = nameOf(keyId, ip);
    let newcomer = this.#newcomers.get(name);
    if (newcomer === undefined) {
      if (this.#newcomers.size >= NEWCOMERS)
        this.#newcomers.delete(this.#newcomers.keys().next().value ?? '');
      newcomer = { keyId, ip, last: at };
      this.#newcomers.set(name, newcomer);
      this.#until = Math.min(this.#until, at);
    }
    newcomer.last = Math.max(newcomer.last, at);
    return newcomer;
  }

  /** How often a new address of the key that gets in has failed at most; null where none has as a rule. */
  usual(keyId: string, at: number): number | null {
    const habit = this.#habits.of(keyId);
    return habit === undefined ? null : (this.#notes.at(habit)?.usual(at) ?? null);
  }

  /** Once a minute of the log's time: what is usual must not hang on how much of the log a page holds. */
  learn({ reached, settled }: LogClock): void {
    if (reached < this.#nextLesson) return;
    this.#nextLesson = reached + MINUTE;
    this.settle(settled);
  }

  /** Lets go of those of which all has arrived. */
  settle(settled: number): void {
    if (settled <= this.#until) return;
    this.#until = Number.POSITIVE_INFINITY;
    for (const { keyId, ip, last } of this.#newcomers.values()) {
      if (settled <= last) {
        if (last < this.#until) this.#until = last;
        continue;
      }
      this.#newcomers.delete(nameOf(keyId, ip));
      const [guess, habit] = [this.#guesses.of(ip), this.#habits.of(keyId)];
      const failures = guess === undefined ? 0 : this.#guesses.before(guess, last).failures;
      if (failures === 0 || habit === undefined) continue;
      this.#notes.of(habit).add(last, failures);
      habit.changed = true;
    }
  }

  save(): Json {
    return Array.from(this.#newcomers.values(), ({ keyId, ip, last }): Json => [keyId, ip, last]);
  }
}

function nameOf(keyId: string, ip: string): string {
  return `${keyId} ${ip}`;
}
