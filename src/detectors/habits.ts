import type { CidrSet } from './cidr.ts';
import { LATENESS } from './log-clock.ts';
import { FORMS, parse } from './parts.ts';
import type { KeyFacts } from './places.ts';
import { isDamage, type Json, list, number, text } from './stored.ts';

/** Addresses remembered of one key; past the first number, those unused for longest go until the second is left. */
const ADDRESSES = { most: 125, kept: 100 } as const;

/** A call that shows nothing new: by this program, on this day, from this time on, as long as nothing was forgotten since. */
export type Usual = {
  readonly agent: string | null;
  readonly at: number;
  readonly day: number;
  readonly forgotten: number;
};

/** An address from which a key was accepted, and what detectors found of it, so that they look it up once. */
export class Source {
  first: number;
  last: number;
  /** As it is written, and as far as it is written the same whenever the address is used again; null where that has changed. */
  #text: string | null = null;
  #head: string | null = null;
  /** The list in which it was found to be. */
  allowedBy: CidrSet | null = null;
  usual: Usual | null = null;

  constructor(first: number, last: number) {
    this.first = first;
    this.last = last;
  }

  widen(at: number): void {
    if (at < this.first) {
      this.first = at;
      this.#head = null;
    } else if (at > this.last) this.last = at;
    else return;
    this.#text = null;
  }

  write(ip: string): string {
    this.#head ??= `[${JSON.stringify(ip)},${this.first},`;
    this.#text ??= `${this.#head}${this.last}]`;
    return this.#text;
  }
}

const places = new Map<string, number>();
/** The names of the notes that change with nearly every call. */
const busy = new Set<string>();

/** A detector's note of a key: as it stands in the state, as the detector has it, or both where they are the same. */
class Slot {
  readonly name: string;
  text: string | null;
  note: unknown;
  textOf: ((note: unknown) => string) | null = null;

  constructor(name: string, written: string | null) {
    this.name = name;
    this.text = written;
  }

  /** Whether it stands among what seldom changes. */
  get rests(): boolean {
    return !busy.has(this.name);
  }

  /** With its name, as a member of the object of all notes. */
  write(): string {
    this.text ??= `"${this.name}":${this.textOf?.(this.note) ?? 'null'}`;
    return this.text;
  }
}

/** What is remembered of one key of the account: since when it is seen, from where it was accepted, and what each detector notes of it. */
export class Habit {
  readonly keyId: string;
  first: number;
  last: number;
  readonly #sources = new Map<string, Source>();
  /** By detector, in the places that {@link placeOf} gives, see {@link Notes}. */
  readonly slots: (Slot | undefined)[] = [];
  /** The notes themselves, as far as they were read: they are asked for with every event. */
  readonly notes: unknown[] = new Array<unknown>(places.size).fill(undefined);
  /** The bits of those that are to be written anew. */
  stale = 0;
  /** Whose key it is, and the edition of the directory that says so. */
  facts: KeyFacts | null = null;
  edition: object | null = null;
  /** Whether it is to be written. Whoever changes a note of it says so. */
  changed = false;
  /** Whether what rests is then to be written, though none of its notes is stale: one came to it, or went. */
  restChanged = false;

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
      habit.#sources.set(text(ip), new Source(number(from), number(to)));
    }
    habit.#admit(notes);
    // The build before kept all notes in one part.
    habit.restChanged = habit.slots.some((slot) => slot?.rests);
    return habit;
  }

  /** Takes up what {@link writeRest} gave. @throws {TypeError} where it is damaged or of another form */
  readRest(body: string): void {
    const [head, ...notes] = body.split('\n');
    if (head !== `[${FORMS.rest},{` || notes.pop() !== '}]')
      throw new TypeError('it is no rest of this form');
    this.#admit(notes);
  }

  #admit(notes: readonly string[]): void {
    for (const [index, line] of notes.entries()) {
      const written = index < notes.length - 1 ? line.slice(0, -1) : line;
      const name = written.slice(1, written.indexOf('"', 1));
      // A note of the rest that stands in the key's own part was written later, by the build before.
      this.slots[placeOf(name)] ??= new Slot(name, written);
    }
  }

  /**
   * When and from where it was used, and the notes that change with nearly every call. JSON with each note on a line of
   * its own: one that did not change is written and read without being taken apart.
   */
  write(): string {
    let sources = '';
    for (const [ip, source] of this.#sources)
      sources += sources === '' ? source.write(ip) : `,${source.write(ip)}`;
    return `[${FORMS.key},[${this.first},${this.last},[${sources}],{${this.#notes(false)}\n}]]`;
  }

  /** The other notes, in the same way; null where none of them has changed since this was last asked. */
  writeRest(): string | null {
    if (!this.restChanged && !this.slots.some((slot, place) => slot?.rests && this.#isStale(place)))
      return null;
    this.restChanged = false;
    return `[${FORMS.rest},{${this.#notes(true)}\n}]`;
  }

  #isStale(place: number): boolean {
    return (this.stale & bitOf(place)) !== 0;
  }

  #notes(rest: boolean): string {
    let notes = '';
    for (const [place, slot] of this.slots.entries()) {
      if (slot === undefined || slot.rests !== rest) continue;
      if (this.#isStale(place)) slot.text = null;
      this.stale &= ~bitOf(place);
      notes += notes === '' ? `\n${slot.write()}` : `,\n${slot.write()}`;
    }
    return notes;
  }

  /** The key was used, accepted or not. */
  used(at: number): void {
    if (at < this.first) this.first = at;
    if (at > this.last) this.last = at;
    this.changed = true;
  }

  /** The key was accepted from this address. */
  accepted(ip: string, at: number): Source {
    let source = this.#sources.get(ip);
    if (source === undefined) {
      if (this.#sources.size >= ADDRESSES.most) this.#makeRoom();
      source = new Source(at, at);
      this.#sources.set(ip, source);
    } else source.widen(at);
    return source;
  }

  /** For many at once: a key with ever new addresses would look through all of them at each. */
  #makeRoom(): void {
    const oldest = [...this.#sources].sort(([, a], [, b]) => a.last - b.last);
    for (const [ip] of oldest.slice(0, ADDRESSES.most - ADDRESSES.kept)) this.#sources.delete(ip);
  }
}

/** The place of a note among all of a key: one number for each name, since it is looked up with every event. */
function placeOf(name: string): number {
  let place = places.get(name);
  if (place === undefined) {
    place = places.size;
    places.set(name, place);
  }
  return place;
}

/** Two notes may have the same one: then one is written anew with the other. */
const bitOf = (place: number): number => 1 << place;

/** How a note of a detector is read and written. */
export type NoteForm<T> = {
  /** `undefined`: a new one. @throws {TypeError} where it is damaged */
  readonly load: (stored: Json | undefined) => T;
  /** As JSON, on one line. What changes with nearly every call is worth the trouble to do without `JSON.stringify`. */
  readonly write: (note: T) => string;
  /** Its detector says when it changed a note, by {@link Notes.changed}. Else every one that was asked for is written anew. */
  readonly told?: boolean;
  /** It changes with nearly every call: it is written with what else does, and not with what rests. */
  readonly busy?: boolean;
};

/**
 * What one detector notes of each key. A note is read when it is first asked for, and is written with its key.
 *
 * @example
 * const counts = new Notes<{ calls: number }>('volume-surge', { load: …, write: … });
 * counts.of(habit).calls += 1;
 * habit.changed = true;
 */
export class Notes<T> {
  readonly #name: string;
  readonly #place: number;
  readonly #bit: number;
  readonly #form: NoteForm<T>;
  readonly #told: boolean;

  constructor(name: string, form: NoteForm<T>) {
    this.#name = name;
    this.#place = placeOf(name);
    this.#bit = bitOf(this.#place);
    this.#form = form;
    this.#told = form.told ?? false;
    if (form.busy) busy.add(name);
  }

  /** The key's note, made where there is none. */
  of(habit: Habit): T {
    return this.at(habit) ?? this.#keep(habit, new Slot(this.#name, null), this.#form.load(undefined));
  }

  /** Null where there is none. One that is damaged is none: the detector meets the key anew. */
  at(habit: Habit): T | null {
    const note = habit.notes[this.#place] as T | undefined;
    if (note === undefined) return this.#read(habit);
    if (!this.#told) habit.stale |= this.#bit;
    return note;
  }

  /** The key's note is to be written anew, and the key with it. */
  changed(habit: Habit): void {
    habit.stale |= this.#bit;
    habit.changed = true;
  }

  drop(habit: Habit): void {
    if (habit.slots[this.#place] === undefined) return;
    habit.slots[this.#place] = undefined;
    habit.notes[this.#place] = undefined;
    habit.changed = true;
    habit.restChanged = true;
  }

  #read(habit: Habit): T | null {
    const slot = habit.slots[this.#place];
    if (slot === undefined) return null;
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
    slot.textOf = this.#form.write as (note: unknown) => string;
    habit.slots[this.#place] = slot;
    habit.notes[this.#place] = note;
    if (!this.#told || slot.text === null) habit.stale |= this.#bit;
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
export function knownBefore(source: Pick<Source, 'first'> | undefined, at: number): boolean {
  return source !== undefined && source.first < at - LATENESS;
}
