import { describe, expect, it } from 'vitest';
import { Habit, Notes } from './habits.ts';
import { type Json, list, number } from './stored.ts';

type Count = { calls: number; saved: number };

function notesOf(told: boolean): Notes<Count> {
  return new Notes<Count>('volume-surge', {
    load: (stored) => ({ calls: stored === undefined ? 0 : number(list(stored)[0]), saved: 0 }),
    write: (note) => {
      note.saved += 1;
      return `[${note.calls}]`;
    },
    told,
    busy: true,
  });
}

/** Of what seldom changes. */
const resting = new Notes<Count>('new-client', {
  load: (stored) => ({ calls: stored === undefined ? 0 : number(list(stored)[0]), saved: 0 }),
  write: ({ calls }) => `[${calls}]`,
  told: true,
});

function again(habit: Habit): Habit {
  return Habit.read(habit.keyId, habit.write());
}

describe('what is remembered of a key', () => {
  it('is JSON, and the same after it was stored', () => {
    const habit = new Habit('key_1', 1_000);
    habit.used(2_000);
    habit.accepted('203.0.113.5', 1_000);
    habit.accepted('203.0.113.5', 2_000);
    habit.accepted('2001:db8::1', 1_500);
    const notes = notesOf(false);
    notes.of(habit).calls = 7;
    expect(JSON.parse(habit.write())).toEqual([
      1,
      [
        1_000,
        2_000,
        [
          ['203.0.113.5', 1_000, 2_000],
          ['2001:db8::1', 1_500, 1_500],
        ],
        { 'volume-surge': [7] },
      ],
    ]);
    expect(again(habit).write()).toBe(habit.write());
    expect(notes.at(again(habit))?.calls).toBe(7);
  });

  it('keeps the hundred addresses used last where there are ever new ones', () => {
    const habit = new Habit('key_1', 0);
    for (let index = 0; index < 1_000; index += 1) habit.accepted(`10.0.${index >> 8}.${index % 256}`, index);
    expect(habit.sources.size).toBeLessThanOrEqual(125);
    for (let index = 900; index < 1_000; index += 1)
      expect(habit.sources.has(`10.0.${index >> 8}.${index % 256}`)).toBe(true);
  });
});

describe('a note of a key', () => {
  it('is written anew where its detector asked for it', () => {
    const habit = new Habit('key_1', 0);
    const notes = notesOf(false);
    notes.of(habit).calls = 1;
    habit.write();
    const note = notes.of(habit);
    note.calls = 2;
    expect(habit.write()).toContain('"volume-surge":[2]');
    habit.write();
    expect(note.saved).toBe(2);
  });

  it('is written anew only where its detector said so, if that is what it does', () => {
    const habit = new Habit('key_1', 0);
    const notes = notesOf(true);
    const note = notes.of(habit);
    note.calls = 1;
    habit.write();
    notes.of(habit);
    habit.write();
    expect(note.saved).toBe(1);
    note.calls = 2;
    notes.changed(habit);
    expect(habit.changed).toBe(true);
    expect(habit.write()).toContain('"volume-surge":[2]');
  });

  it('that is out of range is damaged', () => {
    const load = (stored: Json | undefined) => new Array<number>(number(stored ?? 0));
    const lengths = new Notes<number[]>('dormant-key', {
      load,
      write: ({ length }) => `${length}`,
      busy: true,
    });
    const habit = new Habit('key_1', 0);
    lengths.of(habit);
    const damaged = Habit.read('key_1', habit.write().replace('"dormant-key":0', '"dormant-key":-1'));
    expect(lengths.at(damaged)).toBeNull();
  });

  it('that is damaged is none, and the others stay', () => {
    const load = (stored: Json | undefined) => number(stored ?? 0);
    const other = new Notes<number>('dormant-key', { load, write: String, busy: true });
    const habit = new Habit('key_1', 0);
    notesOf(false).of(habit);
    other.of(habit);
    for (const damage of ['"volume-surge":["many"]', '"volume-surge":[']) {
      const damaged = Habit.read('key_1', habit.write().replace('"volume-surge":[0]', damage));
      expect(notesOf(false).at(damaged)).toBeNull();
      expect(other.at(damaged)).toBe(0);
      expect(damaged.write()).not.toContain('volume-surge');
    }
  });
});

describe('what seldom changes of a key', () => {
  /** What stands in both of its parts. */
  const reread = (habit: Habit, rest: string | null): Habit => {
    const read = again(habit);
    if (rest !== null) read.readRest(rest);
    return read;
  };

  it('is written by itself, when it has changed and not with every call', () => {
    const habit = new Habit('key_1', 0);
    const notes = notesOf(false);
    notes.of(habit).calls = 3;
    resting.of(habit).calls = 1;
    const rest = habit.writeRest();
    expect(habit.write()).not.toContain('new-client');
    expect(JSON.parse(rest ?? '')).toEqual([1, { 'new-client': [1] }]);
    const read = reread(habit, rest);
    expect([notes.at(read)?.calls, resting.at(read)?.calls]).toEqual([3, 1]);
    read.used(1);
    notes.of(read).calls = 4;
    expect(read.writeRest()).toBeNull();
    expect(read.write()).toContain('"volume-surge":[4]');
    resting.of(read).calls = 2;
    resting.changed(read);
    expect(read.writeRest()).toContain('"new-client":[2]');
    expect(read.writeRest()).toBeNull();
  });

  it('moves to a part of its own where the build before kept it with the others', () => {
    const former = '[1,[0,5,[],{\n"new-client":[7],\n"volume-surge":[1]\n}]]';
    const read = Habit.read('key_1', former);
    notesOf(false);
    expect(resting.at(read)?.calls).toBe(7);
    expect(read.writeRest()).toBe('[1,{\n"new-client":[7]\n}]');
    expect(read.write()).toBe('[1,[0,5,[],{\n"volume-surge":[1]\n}]]');
  });

  it('is taken from the part that the build before wrote, where an older rest stands beside it', () => {
    const former = Habit.read('key_1', '[1,[0,5,[],{\n"new-client":[7]\n}]]');
    former.readRest('[1,{\n"new-client":[2],\n"outside-allowlist":[3]\n}]');
    expect(resting.at(former)?.calls).toBe(7);
    expect(former.writeRest()).toBe('[1,{\n"new-client":[7],\n"outside-allowlist":[3]\n}]');
  });

  it('is written anew without a note that was damaged, and is refused where it is itself', () => {
    const habit = new Habit('key_1', 0);
    resting.of(habit);
    const damaged = reread(habit, habit.writeRest()?.replace('[0]', '["many"]') ?? null);
    expect(resting.at(damaged)).toBeNull();
    expect(damaged.writeRest()).toBe('[1,{\n}]');
    for (const body of ['', '[2,{\n}]', '[1,{\n"new-client":[1]'])
      expect(() => habit.readRest(body)).toThrow(TypeError);
  });
});
