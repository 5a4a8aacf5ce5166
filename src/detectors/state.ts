import type { Rules } from './contract.ts';
import type { Detector } from './detector.ts';
import { Habits } from './habits.ts';
import { DETECTORS } from './index.ts';
import { LogClock } from './log-clock.ts';
import {
  bodyOf,
  CLOCK,
  FORMS,
  KEY,
  nameOf,
  type Part,
  parse,
  REPEATED,
  REST,
  STORY,
  type Stored,
} from './parts.ts';
import type { Directory } from './places.ts';
import { Repeats } from './repeats.ts';
import { isDamage, type Json, number } from './stored.ts';
import { Stories } from './stories.ts';

/** All that the watch of one monitor has at hand. Its owner opens it, hands it in, and commits what {@link changesOf} makes of it. */
export type WatchState = {
  /** What was not taken over although there was something, and why; empty as a rule. */
  readonly startedAfresh: readonly string[];
  readonly clock: LogClock;
  readonly repeats: Repeats;
  readonly habits: Habits;
  readonly stories: Pick<Stories, 'tell' | 'changes'>;
  readonly detectors: ReadonlyArray<{
    readonly name: string;
    readonly form: number;
    readonly detector: Detector;
  }>;
  /** What was written last of the parts that are written whole. */
  readonly written: Map<string, string>;
  /** Parts that could not be read and that nothing will write again. */
  unreadable: readonly string[];
};

/** Each part that cannot be read starts afresh by itself: what the others know is not lost with it. */
export function openState(rules: Rules, directory: Directory, parts: Iterable<Part>): WatchState {
  const reader = new PartReader(parts);
  const habits = new Habits();
  const clock = reader.take(CLOCK, FORMS.clock, (reached) => new LogClock(number(reached ?? 0)));
  const repeats = new Repeats();
  reader.takeAll(REPEATED, FORMS.repeats, (serial, ids) => repeats.admit(serial, ids));
  const stories = new Stories();
  reader.takeAll(STORY, FORMS.story, (serial, story) => stories.admit(serial, story));
  const detectors = Object.entries(DETECTORS).map(([kind, { form, make, upgrade }]) => {
    const name = nameOf(kind);
    const build = (stored: Json | undefined) => make({ rules, directory, habits, stored });
    const detector = reader.take(name, form, build, upgrade);
    if (reader.lost.has(name)) stories.lose(kind);
    return { name, form, detector };
  });
  const { startedAfresh, unreadable, written } = reader;
  return { startedAfresh, clock, repeats, habits, stories, detectors, written, unreadable };
}

class PartReader {
  readonly startedAfresh: string[] = [];
  readonly unreadable: string[] = [];
  readonly lost = new Set<string>();
  readonly written = new Map<string, string>();
  readonly #slices: Part[] = [];

  constructor(parts: Iterable<Part>) {
    for (const part of parts) {
      if (part[0].startsWith(REPEATED) || part[0].startsWith(STORY)) this.#slices.push(part);
      else this.written.set(...part);
    }
  }

  take<T>(
    name: string,
    form: number,
    read: (data: Json | undefined) => T,
    upgrade?: (data: Json, form: number) => Json,
  ): T {
    const body = this.written.get(name);
    if (body === undefined) return read(undefined);
    try {
      return read(dataOf(parse(body), form, upgrade));
    } catch (error) {
      this.#note(name, error);
      return read(undefined);
    }
  }

  takeAll(prefix: string, form: number, read: (serial: number, data: Json) => void): void {
    for (const [name, body] of this.#slices) {
      if (!name.startsWith(prefix)) continue;
      try {
        read(Number(name.slice(prefix.length)), dataOf(parse(body), form));
      } catch (error) {
        this.#note(name, error);
        this.unreadable.push(name);
      }
    }
  }

  #note(name: string, error: unknown): void {
    if (!isDamage(error)) throw error;
    this.lost.add(name);
    this.startedAfresh.push(`${name}: ${error.message}`);
  }
}

/** @throws {TypeError} where it cannot be read */
function dataOf(stored: Stored, form: number, upgrade?: (data: Json, form: number) => Json): Json {
  if (stored.form === form) return stored.data;
  if (upgrade !== undefined && stored.form < form) return upgrade(stored.data, stored.form);
  throw new TypeError(`it has the form ${stored.form}, this build reads ${form}`);
}

/** What is to be written and what is to be deleted since the last call. */
export type PartChanges = { readonly put: readonly Part[]; readonly drop: readonly string[] };

/** What changed since the last call. A state whose changes could not be written is of no more use. */
export function changesOf(state: WatchState): PartChanges {
  const put: Part[] = [];
  const drop = [...state.unreadable];
  state.unreadable = [];
  const whole = (name: string, body: string) => {
    if (state.written.get(name) === body) return;
    state.written.set(name, body);
    put.push([name, body]);
  };
  whole(CLOCK, bodyOf(FORMS.clock, state.clock.reached));
  for (const { name, form, detector } of state.detectors) whole(name, bodyOf(form, detector.save()));
  const repeats = state.repeats.changes();
  for (const [serial, ids] of repeats.put) put.push([REPEATED + serial, bodyOf(FORMS.repeats, ids)]);
  for (const serial of repeats.drop) drop.push(REPEATED + serial);
  const stories = state.stories.changes();
  for (const [serial, story] of stories.put) put.push([STORY + serial, bodyOf(FORMS.story, story)]);
  for (const serial of stories.drop) drop.push(STORY + serial);
  const rests: Part[] = [];
  for (const habit of state.habits.all()) {
    if (!habit.changed) continue;
    habit.changed = false;
    const name = KEY + habit.keyId;
    put.push([name, habit.write()]);
    const rest = habit.writeRest();
    if (rest !== null) rests.push([name + REST, rest]);
  }
  // What is often written lies together: the fewer pages of the database change.
  return { put: [...put, ...rests], drop };
}
