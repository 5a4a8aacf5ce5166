import type { Rules } from './contract.ts';
import { type Habit, Notes } from './habits.ts';
import { LATENESS } from './log-clock.ts';
import type { Sight } from './sight.ts';
import { type Json, list, number, text } from './stored.ts';

/** Countries kept of a key. One that was used from more is at home everywhere. */
const COUNTRIES = 40;

/** Since when a key's countries are learnt, and which were. */
type Learnt = { since: number; readonly countries: Set<string> };

/** What became of a call: from a learnt country, in the time of learning, or neither. */
export type Judgement = 'usual' | 'learning' | 'breach';

/**
 * The countries that keys are used from in their first time. It runs from the first accepted call whose country is
 * known; a new version of a credential goes on with what the credential's other keys have learnt.
 *
 * Memory: a note of at most 40 countries for each key.
 */
export class LearntPlaces {
  readonly #learn: number;
  readonly #notes: Notes<Learnt>;

  constructor(learn: NonNullable<Rules['learn']>, notes: string) {
    this.#learn = learn;
    this.#notes = new Notes(notes, { load, write, told: true });
  }

  /**
   * Judges an accepted call. In the last of the log's lateness after the time of learning a country is neither learnt
   * nor a breach, so that the order of arrival decides nothing.
   */
  judge(sight: Sight, habit: Habit, country: string): Judgement {
    const { at } = sight;
    const learnt = this.#notes.at(habit) ?? this.#begin(sight, habit);
    if (learnt.countries.has(country)) {
      if (at >= learnt.since) return 'usual';
      learnt.since = at;
      this.#notes.changed(habit);
      return 'usual';
    }
    this.#notes.changed(habit);
    const family = this.#family(sight, habit);
    const since = Math.min(at, learnt.since, ...family.map((other) => other.since));
    learnt.since = since;
    if (family.some(({ countries }) => countries.has(country))) {
      this.#add(learnt, country);
      return 'usual';
    }
    if (learnt.countries.size >= COUNTRIES) return 'usual';
    if (at >= since + this.#learn + LATENESS) return 'breach';
    // Whoever uses a key after its end teaches it nothing.
    if (at < since + this.#learn && !sight.retiredUse() && !sight.exposedUse()) this.#add(learnt, country);
    return 'learning';
  }

  /** The countries that were learnt of a key, in order. */
  of(habit: Habit): readonly string[] {
    return [...(this.#notes.at(habit)?.countries ?? [])].sort();
  }

  #add(learnt: Learnt, country: string): void {
    if (learnt.countries.size < COUNTRIES) learnt.countries.add(country);
  }

  #begin(sight: Sight, habit: Habit): Learnt {
    const learnt = this.#notes.of(habit);
    learnt.since = sight.at;
    for (const other of this.#family(sight, habit)) {
      learnt.since = Math.min(learnt.since, other.since);
      for (const country of other.countries) this.#add(learnt, country);
    }
    return learnt;
  }

  /** What the other keys of the same credential have learnt. */
  #family({ key, directory, habits }: Sight, habit: Habit): Learnt[] {
    if (key === null || key.credential === null) return [];
    return directory.keysOf(key.credential).flatMap((keyId) => {
      const other = keyId === habit.keyId ? undefined : habits.of(keyId);
      const learnt = other === undefined ? null : this.#notes.at(other);
      return learnt === null ? [] : [learnt];
    });
  }
}

function load(stored: Json | undefined): Learnt {
  if (stored === undefined) return { since: Number.POSITIVE_INFINITY, countries: new Set() };
  const [since, countries] = list(stored);
  return { since: number(since), countries: new Set(list(countries).map(text)) };
}

function write({ since, countries }: Learnt): string {
  return JSON.stringify([since, [...countries]]);
}
