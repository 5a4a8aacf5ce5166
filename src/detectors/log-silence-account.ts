import { HOUR } from '../model/index.ts';
import { Distinct } from './distinct.ts';
import { type Json, list, number, numberOrNull, numbers, text } from './stored.ts';

const WEEK = 168;
/** An hour can be missed once it was seen in so many weeks. */
const WEEKS = 2;
/** Of a busy account at least so many events are due in the hour; a fiftieth of what is due, or less, is silence. */
const DUE = 200;
const SHARE = 50;
/** A low rises by a quarter of the way a week, and falls at once. */
const RISE = 4;
/** For so long a silence teaches nothing; one that lasts is the habit. */
const HELD_OUT = 24;
/** After a longer time of which nothing is known, the account is learnt anew. */
const FORGET = 8 * WEEK;

/** An hour that held far fewer events than the account makes in it. */
export type Silence = {
  /** Hours since the epoch: the first that was silent, and the last. */
  readonly from: number;
  last: number;
  count: number;
  /** How many the hour held at the least. */
  due: number;
};

/**
 * How many events the account makes, over all its keys: the lows of the 168 hours of the week. An hour is judged once
 * all its events have arrived, against what the same hour held in every week before, so that night, weekend and a job
 * that runs every other hour are no silence.
 *
 * Memory: 168 numbers and the open hours.
 */
export class AccountPace {
  /** The next hour to close; null until the first event. */
  #next: number | null;
  /** The first hour that was seen whole. */
  #began: number;
  readonly #lows: number[];
  readonly #open: Map<number, Distinct>;
  /** The hour that had the last event. */
  #latest: { readonly hour: number; readonly events: Distinct } | null = null;
  silence: Silence | null;

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored: Json | undefined) {
    const [next, began, lows, open, silence] = stored === undefined ? [null, 0, [], [], null] : list(stored);
    this.#next = numberOrNull(next ?? null);
    this.#began = number(began);
    this.#lows = stored === undefined ? new Array<number>(WEEK).fill(0) : numbers(lows, WEEK);
    this.#open = new Map(
      list(open).map((entry) => {
        const [hour, events] = list(entry);
        return [number(hour), Distinct.load(text(events))];
      }),
    );
    const kept = silence === null ? null : numbers(silence, 4);
    const [from = 0, last = 0, count = 0, due = 0] = kept ?? [];
    this.silence = kept === null ? null : { from, last, count, due };
  }

  add(at: number, mark: number): void {
    const hour = Math.floor(at / HOUR);
    if (this.#latest?.hour === hour) {
      this.#latest.events.add(mark);
      return;
    }
    let events = this.#open.get(hour);
    if (events === undefined) {
      if (hour < (this.#next ?? hour)) return;
      events = new Distinct();
      this.#open.set(hour, events);
      this.#next ??= hour;
    }
    events.add(mark);
    this.#latest = { hour, events };
  }

  /** Judges and learns the hours that are complete at that time. */
  settle(settled: number): void {
    const until = Math.floor(settled / HOUR);
    if (this.#next === null || this.#next >= until) return;
    this.#latest = null;
    if (until - this.#next > FORGET) this.#forget();
    if (this.#began === 0) this.#skipFirst();
    for (let hour = this.#next; hour < until; hour += 1) this.#close(hour);
    this.#next = Math.max(this.#next, until);
  }

  #forget(): void {
    this.#lows.fill(0);
    this.#began = 0;
    const hours = [...this.#open.keys()];
    this.#next = Math.max(...hours, this.#next ?? 0);
  }

  /** Nobody knows how much of the first hour was before the watch began. */
  #skipFirst(): void {
    this.#open.delete(this.#next ?? 0);
    this.#next = (this.#next ?? 0) + 1;
    this.#began = this.#next;
  }

  #close(hour: number): void {
    const count = this.#open.get(hour)?.count ?? 0;
    this.#open.delete(hour);
    const slot = hour % WEEK;
    const low = this.#lows[slot] ?? 0;
    const weeks = Math.floor((hour - this.#began) / WEEK);
    const silent = weeks >= WEEKS && low >= DUE && count * SHARE <= low;
    if (silent) {
      this.silence ??= { from: hour, last: hour, count, due: low };
      Object.assign(this.silence, { last: hour, count, due: low });
      if (hour - this.silence.from < HELD_OUT) return;
    } else if (low >= DUE || count >= DUE || hour - (this.silence?.last ?? hour) > WEEK) this.silence = null;
    const risen = low + (count - low) / RISE;
    this.#lows[slot] = Math.round(weeks < 1 || count < low ? count : risen);
  }

  save(): Json {
    const { silence } = this;
    return [
      this.#next,
      this.#began,
      this.#lows,
      Array.from(this.#open, ([hour, events]) => [hour, events.save()]),
      silence === null ? null : [silence.from, silence.last, silence.count, silence.due],
    ];
  }
}
