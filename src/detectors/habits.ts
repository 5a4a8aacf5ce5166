import { LATENESS } from './log-clock.ts';
import { FORMS, parse } from './parts.ts';
import { isDamage, type Json, list, number, text } from './stored.ts';

/** Addresses remembered of one key; past the first number, those unused for longest go until the second is left. */
const ADDRESSES = { most: 125, kept: 100 } as const;

/** An address from which a key was accepted. */
export type Source = { readonly first: number; readonly last: number };

class Span implements Source {
  first: number;
  last: number;
  /** As it is written; null where that has changed. */
  text: string | null = null;

  constructor(first: number, last: number) {
    this.first = first;
    this.last = last;
  }

  widen(at: number): void {
    if (at < this.first) this.first = at;
    else if (at > this.last) this.last = at;
    else return;
    this.text = null;
  }
}

/** A detector's note of a key: as it stands in the state, as the detector has it, or both where they are the same. */
class Slot {
  readonly name: string;
  text: string | null;
  note: unknown;
  save: ((note: unknown) => Json) | null = null;

  constructor(name: string, written: string | null, note?: unknown) {
    this.name = name;
    this.text = written;
    this.note = note;
  }

  /** With its name, as a member of the object of all notes. */
  write(): string {
    this.text ??= `${JSON.stringify(this.name)}:${JSON.stringify(this.save?.(this.note) ?? null)}`;
    return this.text;
  }
}

/** What is remembered of one key of the account: since when it is seen, from where it was accepted, and what each detector notes of it. */
export class Habit {
  readonly keyId: string;
  first: number;
  last: number;
  readonly #sources = new Map<string, Span>();
  /** By detector, in the places that {@link placeOf} gives, see {@link Notes}. */
  readonly slots: (Slot | undefined)[] = [];
  /** Whether it is to be written. Whoever changes a note of it says so. */
  changed = false;

  constructor(keyId: string, at: number) {
    this.keyId = keyId;
    this.first = at;
    this.last = at;
  }

  /** The addresses from which the key was accepted. */
  get sources(): ReadonlyMap<string, Source> {
    return this.#sources;
  }

  /**
   * Takes up what {@link write} gave. A note is read when it is first asked for.
   *
   * @throws {TypeError} where it is damaged or of another form
   */
  static read(keyId: string, body: string): Habit {
    const [head = '', ...notes] = body.split('\n');
    const { form, data } = parse(`${head}}]]`);
    if (form !== FORMS.key || notes.pop() !== '}]]') throw new TypeError('it is no key of this form');
    const [first, last, sources] = list(data);
    const habit = new Habit(keyId, number(first));
    habit.last = number(last);
    for (const source of list(sources)) {
      const [ip, from, to] = list(source);
      habit.#sources.set(text(ip), new Span(number(from), number(to)));
    }
    for (const [index, line] of notes.entries()) {
      const written = index < notes.length - 1 ? line.slice(0, -1) : line;
      const name = written.slice(1, written.indexOf('"', 1));
      habit.slots[placeOf(name)] = new Slot(name, written);
    }
    return habit;
  }

  /** JSON with each note on a line of its own: one that did not change is written and read without being taken apart. */
  write(): string {
    let sources = '';
    for (const [ip, span] of this.#sources) {
      span.text ??= `[${JSON.stringify(ip)},${span.first},${span.last}]`;
      sources += sources === '' ? span.text : `,${span.text}`;
    }
    let notes = '';
    for (const slot of this.slots) {
      if (slot !== undefined) notes += notes === '' ? `\n${slot.write()}` : `,\n${slot.write()}`;
    }
    return `[${FORMS.key},[${this.first},${this.last},[${sources}],{${notes}\n}]]`;
  }

  /** The key was used, accepted or not. */
  used(at: number): void {
    if (at < this.first) this.first = at;
    if (at > this.last) this.last = at;
    this.changed = true;
  }

  /** The key was accepted from this address, between these times. */
  accepted(ip: string, at: number, until = at): void {
    const known = this.#sources.get(ip);
    if (known !== undefined) {
      known.widen(at);
      known.widen(until);
      return;
    }
    if (this.#sources.size >= ADDRESSES.most) this.#makeRoom();
    this.#sources.set(ip, new Span(at, until));
  }

  /** For many at once: a key with ever new addresses would look through all of them at each. */
  #makeRoom(): void {
    const oldest = [...this.#sources].sort(([, a], [, b]) => a.last - b.last);
    for (const [ip] of oldest.slice(0, ADDRESSES.most - ADDRESSES.kept)) this.#sources.delete(ip);
  }
}

const places = new Map<string, number>();

/** The place of a note among all of a key: one number for each name, since it is looked up with every event. */
function placeOf(name: string): number {
  let place = places.get(name);
  if (place === undefined) {
    place = places.size;
    places.set(name, place);
  }
  return place;
}

/** How a note of a detector is read and written. */
export type NoteForm<T> = {
  /** `undefined`: a new one. @throws {TypeError} where it is damaged */
  readonly load: (stored: Json | undefined) => T;
  readonly save: (note: T) => Json;
  /** Its detector says when it changed a note, by {@link Notes.changed}. Else every one that was asked for is written anew. */
  readonly told?: boolean;
};

/**
 * What one detector notes of each key. A note is read when it is first asked for, and is written with its key.
 *
 * @example
 * const counts = new Notes<{ calls: number }>('volume-surge', { load: …, save: … });
 * counts.of(habit).calls += 1;
 * habit.changed = true;
 */
export class Notes<T> {
  readonly #name: string;
  readonly #place: number;
  readonly #form: NoteForm<T>;
  readonly #told: boolean;

  constructor(name: string, form: NoteForm<T>) {
    this.#name = name;
    this.#place = placeOf(name);
    this.#form = form;
    this.#told = form.told ?? false;
  }

  /** The key's note, made where there is none. */
  of(habit: Habit): T {
    return this.at(habit) ?? this.#keep(habit, new Slot(this.#name, null), this.#form.load(undefined));
  }

  /** Null where there is none. One that is damaged is none: the detector meets the key anew. */
  at(habit: Habit): T | null {
    const slot = habit.slots[this.#place];
    if (slot === undefined) return null;
    const note = slot.save === null ? this.#read(habit, slot) : (slot.note as T);
    if (!this.#told) slot.text = null;
    return note;
  }

  /** The key's note is to be written anew, and the key with it. */
  changed(habit: Habit): void {
    const slot = habit.slots[this.#place];
    if (slot !== undefined) slot.text = null;
    habit.changed = true;
  }

  drop(habit: Habit): void {
    if (habit.slots[this.#place] === undefined) return;
    habit.slots[this.#place] = undefined;
    habit.changed = true;
  }

  #read(habit: Habit, slot: Slot): T | null {
    const written = slot.text ?? '';
    try {
      return this.#keep(habit, slot, this.#form.load(jsonOf(written.slice(written.indexOf(':') + 1))));
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.drop(habit);
      return null;
    }
  }

  #keep(habit: Habit, slot: Slot, note: T): T {
    slot.note = note;
    slot.save = this.#form.save as (note: unknown) => Json;
    habit.slots[this.#place] = slot;
    return note;
  }
}

/** @throws {TypeError} where the text is no JSON */
function jsonOf(written: string): Json {
  try {
    return JSON.parse(written);
  } catch {
    throw new TypeError('the note of a key is no JSON');
  }
}

/** The keys whose habits are at hand: those of the events that are looked at, not all there are. */
export class Habits {
  readonly #keys = new Map<string, Habit>();

  /** What is known of a key, if it is at hand. */
  of(keyId: string): Habit | undefined {
    return this.#keys.get(keyId);
  }

  all(): Iterable<Habit> {
    return this.#keys.values();
  }

  admit(habit: Habit): void {
    this.#keys.set(habit.keyId, habit);
  }

  /** The key was used, accepted or not. */
  used(keyId: string, at: number): Habit {
    let habit = this.#keys.get(keyId);
    if (habit === undefined) {
      habit = new Habit(keyId, at);
      this.#keys.set(keyId, habit);
    }
    habit.used(at);
    return habit;
  }
}

/**
 * Whether the address was in use before `at`. What happened within the log's lateness does not count yet: else
 * the answer would hang on the order of arrival, and a guess that got in would make its own address a known one.
 */
export function knownBefore(source: Source | undefined, at: number): boolean {
  return source !== undefined && source.first < at - LATENESS;
}
