import { type Habit, Notes } from './habits.ts';
import { VolumeHabit } from './volume-surge-habit.ts';
import { OpenHours } from './volume-surge-hour.ts';

/** The habit of each key, in two notes: what is learnt changes once an hour, the open hours with every call. */
export class VolumeNotes {
  readonly #learnt = new Notes<VolumeHabit>('volume-surge', {
    load: (note) => VolumeHabit.load(note),
    write: (habit) => JSON.stringify(habit.save()),
    told: true,
  });
  readonly #hours = new Notes<OpenHours>('volume-surge-hours', {
    load: (note) => OpenHours.load(note),
    write: (open) => open.write(),
    told: true,
    busy: true,
  });

  of(habit: Habit): VolumeHabit {
    const note = this.#learnt.of(habit);
    if (!note.isWhole) note.join(this.#hours.of(habit));
    return note;
  }

  /** The key's call was counted. */
  counted(habit: Habit, note: VolumeHabit): void {
    this.#hours.changed(habit);
    if (note.news) this.#learnt.changed(habit);
    note.news = false;
  }
}
