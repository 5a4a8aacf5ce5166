import { HOUR } from '../model/index.ts';
import { Distinct } from './distinct.ts';
import { LATENESS } from './log-clock.ts';
import { type Json, list, number, numbers, text } from './stored.ts';

/** What is counted of a key. */
export const STREAMS = ['calls', 'downloads'] as const;
export type StreamName = (typeof STREAMS)[number];

/** Hours over which a count is judged. An hour teaches once it has left the longest. */
export const WINDOWS = [1, 12] as const;
const LAG = 12;
/** Weekday and weekend, 24 hours each, in UTC. */
const SLOTS = 48;
/** What an hour has learnt fades by half in 14 days. */
const KEEP = 0.5 ** (1 / 336);
/** An hour of the day follows its last fourteen visits. */
const FOLLOW = 1 / 14;
/** Volume comes in bursts until a key has shown otherwise; believed as much as so many expected calls. */
const PRIOR = { dispersion: 4, weight: 50 } as const;
/** A night that was always quiet still allows for a quarter of the mean: work at odd hours is no surge. */
const FLAT = 0.25;
/** A key that was away for longer is learnt anew. */
const FORGET = 60 * 24;
/** What an hour of the day holds is kept in so many steps of 0.52 %, upwards of a hundredth of a call. */
const LEVELS = { lowest: 0.01, step: 1.0052, most: 4_095 } as const;

type Hour = { readonly hour: number; last: number; readonly counts: readonly [Distinct, Distinct] };

/** How much a window should hold: its mean, and the variance over it. */
export type Usual = { readonly mean: number; readonly dispersion: number };

/** By stream and window. */
type Judged = { readonly hour: number; readonly usual: readonly Usual[]; readonly closed: readonly number[] };

/**
 * The habit of one key: accepted calls and downloads by the hour. Calls have a mean, hours of the day on weekdays and
 * weekends, and a dispersion for each window; downloads have the same hours of the day. All numbers are short, and so
 * the same before and after they were stored.
 *
 * Memory: two or three open hours, the twelve that do not teach yet, 48 levels: some 400 bytes.
 */
export class VolumeHabit {
  #open: Hour[] = [];
  /** Counts of the hours that end with `#closedTo`, both streams in turn: at most twelve hours. */
  #closed: number[] = [];
  #closedTo = 0;
  /** Hours learnt of weekdays and weekends. */
  #known = [0, 0];
  #levels = new Array<number>(SLOTS).fill(0);
  /** The levels as they are stored; null where they have changed. */
  #packed: string | null = null;
  #weight = 0;
  #sums = [0, 0];
  /** By stream and window. */
  #squares = [0, 0, 0, 0];
  #expected = [0, 0, 0, 0];
  /** The window of twelve hours that is being learnt: counts and what was expected, by stream. */
  #half = [0, 0, 0, 0];
  /** What is usual, and what closed hours hold, of the hour judged last; null where that has changed. */
  #judged: Judged | null = null;

  static load(stored: Json | undefined): VolumeHabit {
    const loaded = new VolumeHabit();
    if (stored === undefined) return loaded;
    const [open, closedTo, closed, known, levels, weight, sums, squares, expected, half] = list(stored);
    loaded.#open = list(open).map((entry) => {
      const [hour, last, calls, downloads] = list(entry);
      return {
        hour: number(hour),
        last: number(last),
        counts: [Distinct.load(text(calls)), Distinct.load(text(downloads))],
      };
    });
    loaded.#closedTo = number(closedTo);
    loaded.#closed = numbers(closed);
    loaded.#known = numbers(known, 2);
    loaded.#levels = unpack(text(levels));
    loaded.#weight = number(weight);
    loaded.#sums = numbers(sums, 2);
    loaded.#squares = numbers(squares, 4);
    loaded.#expected = numbers(expected, 4);
    loaded.#half = numbers(half, 4);
    return loaded;
  }

  save(): Json {
    this.#packed ??= pack(this.#levels);
    return [
      this.#open.map(({ hour, last, counts }) => [hour, last, counts[0].save(), counts[1].save()]),
      this.#closedTo,
      this.#closed,
      this.#known,
      this.#packed,
      this.#weight,
      this.#sums,
      this.#squares,
      this.#expected,
      this.#half,
    ];
  }

  /** Hours learnt that are like this one: of weekdays, or of weekends. */
  known(hour: number): number {
    return this.#known[slotOf(hour) < 24 ? 0 : 1] ?? 0;
  }

  /** Hours learnt in all. */
  get age(): number {
    return (this.#known[0] ?? 0) + (this.#known[1] ?? 0);
  }

  /** Counts a call; the hour's counts, or null where they did not change or the call is too late to count. */
  add(at: number, reached: number, mark: number, download: boolean): Hour | null {
    const hour = Math.floor(at / HOUR);
    let open = this.#open.at(-1);
    if (open?.hour !== hour || (this.#open.length > 1 && reached >= hour * HOUR + LATENESS)) {
      open = this.#openHour(hour, reached);
      if (open === undefined) return null;
    }
    if (at > open.last) open.last = at;
    const more = open.counts[0].add(mark);
    return (download && open.counts[1].add(mark)) || more ? open : null;
  }

  #openHour(hour: number, reached: number): Hour | undefined {
    this.#settle(Math.floor((reached - LATENESS) / HOUR));
    this.#judged = null;
    const found = this.#open.find((open) => open.hour === hour);
    if (found !== undefined || (hour <= this.#closedTo && this.#closedTo > 0)) return found;
    const fresh: Hour = { hour, last: 0, counts: [new Distinct(), new Distinct()] };
    this.#open = [...this.#open, fresh].sort((a, b) => a.hour - b.hour);
    return fresh;
  }

  /** Closes every hour before `hour`, the empty ones too, from the first that had a call. */
  #settle(hour: number): void {
    const first = this.#closedTo > 0 ? this.#closedTo + 1 : (this.#open[0]?.hour ?? hour);
    if (hour - first > FORGET) {
      this.#forget();
      return;
    }
    for (let next = first; next < hour; next += 1) {
      const [open] = this.#open;
      const ended = open?.hour === next ? this.#open.shift() : undefined;
      this.#closed.push(ended?.counts[0].count ?? 0, ended?.counts[1].count ?? 0);
      this.#closedTo = next;
      if (this.#closed.length <= 2 * LAG) continue;
      const [calls = 0, downloads = 0] = this.#closed.splice(0, 2);
      this.#learn(next - LAG, [calls, downloads]);
    }
  }

  #forget(): void {
    this.#open = [];
    this.#closed = [];
    this.#closedTo = 0;
    this.#known = [0, 0];
    this.#levels.fill(0);
    this.#packed = null;
    this.#weight = 0;
    this.#sums = [0, 0];
    this.#squares = [0, 0, 0, 0];
    this.#expected = [0, 0, 0, 0];
    this.#half = [0, 0, 0, 0];
  }

  #learn(hour: number, counts: readonly [number, number]): void {
    const slot = slotOf(hour);
    const kind = slot < 24 ? 0 : 1;
    const visits = Math.floor((this.#known[kind] ?? 0) / 24);
    const usual = STREAMS.map((_, stream) => this.#mean(stream, hour, 0));
    for (const [stream, count] of counts.entries()) {
      // The first visit has nothing to be compared with.
      if (visits > 0) this.#scatter(2 * stream, count, usual[stream] ?? 0);
      this.#half[2 * stream] = (this.#half[2 * stream] ?? 0) + count;
      this.#half[2 * stream + 1] = short((this.#half[2 * stream + 1] ?? 0) + (usual[stream] ?? 0));
      if ((hour + 1) % LAG === 0) {
        if (visits > 0)
          this.#scatter(2 * stream + 1, this.#half[2 * stream] ?? 0, this.#half[2 * stream + 1] ?? 0);
        this.#half[2 * stream] = 0;
        this.#half[2 * stream + 1] = 0;
      }
      this.#sums[stream] = short((this.#sums[stream] ?? 0) * KEEP + count);
    }
    this.#weight = short(this.#weight * KEEP + 1);
    this.#known[kind] = (this.#known[kind] ?? 0) + 1;
    const level = callsOf(this.#levels[slot] ?? 0);
    this.#packed = null;
    this.#levels[slot] = levelOf(level + Math.max(FOLLOW, 1 / (visits + 1)) * (counts[0] - level));
  }

  #scatter(at: number, count: number, usual: number): void {
    const keep = at % 2 === 0 ? KEEP : KEEP ** LAG;
    this.#squares[at] = short((this.#squares[at] ?? 0) * keep + (count - usual) ** 2);
    this.#expected[at] = short((this.#expected[at] ?? 0) * keep + usual);
  }

  /** `flat`: the share that every hour has alike. Downloads have their share of the calls. */
  #mean(stream: number, hour: number, flat: number): number {
    const calls = this.#sums[0] ?? 0;
    if (calls === 0) return 0;
    const mean = (flat * calls) / this.#weight + (1 - flat) * callsOf(this.#levels[slotOf(hour)] ?? 0);
    return stream === 0 ? mean : (mean * (this.#sums[1] ?? 0)) / calls;
  }

  /** The most that any hour of the week should hold. */
  peak(stream: number): number {
    const most = callsOf(this.#levels.reduce((top, level) => Math.max(top, level), 0));
    const calls = this.#sums[0] ?? 0;
    return stream === 0 || calls === 0 ? most : (most * (this.#sums[1] ?? 0)) / calls;
  }

  /** What the window that ends with the hour should hold. */
  usual(stream: number, window: number, hour: number): Usual {
    return this.#judge(hour).usual[2 * stream + window] ?? { mean: 0, dispersion: 1 };
  }

  /** What the window that ends with the hour holds so far. */
  held(stream: number, window: number, hour: number): number {
    let sum = this.#judge(hour).closed[2 * stream + window] ?? 0;
    const from = hour - (WINDOWS[window] ?? 1);
    for (const open of this.#open)
      if (open.hour > from && open.hour <= hour) sum += open.counts[stream === 0 ? 0 : 1].count;
    return sum;
  }

  /** Asked many times an hour, and the same until an hour is opened or closed. */
  #judge(hour: number): Judged {
    if (this.#judged?.hour !== hour) {
      const each = STREAMS.flatMap((_, stream) =>
        WINDOWS.map((hours, window) => ({ stream, window, hours })),
      );
      this.#judged = {
        hour,
        usual: each.map(({ stream, window, hours }) => this.#expect(stream, window, hours, hour)),
        closed: each.map(({ stream, hours }) => this.#closedIn(stream, hour - hours + 1, hour)),
      };
    }
    return this.#judged;
  }

  #expect(stream: number, window: number, hours: number, hour: number): Usual {
    let mean = 0;
    for (let at = hour - hours + 1; at <= hour; at += 1) mean += this.#mean(stream, at, FLAT);
    const index = 2 * stream + window;
    const { dispersion, weight } = PRIOR;
    const seen = dispersion * weight + (this.#squares[index] ?? 0);
    return { mean, dispersion: Math.max(1, seen / (weight + (this.#expected[index] ?? 0))) };
  }

  #closedIn(stream: number, from: number, to: number): number {
    const first = this.#closedTo - this.#closed.length / 2 + 1;
    let sum = 0;
    for (let at = Math.max(from, first); at <= Math.min(to, this.#closedTo); at += 1)
      sum += this.#closed[2 * (at - first) + stream] ?? 0;
    return sum;
  }
}

/** The hour's place in the week, Saturdays and Sundays apart. The epoch was a Thursday. */
function slotOf(hour: number): number {
  const day = (Math.floor(hour / 24) + 4) % 7;
  return (hour % 24) + (day === 0 || day === 6 ? 24 : 0);
}

/** Few digits, so that what is stored of a key stays small. */
function short(value: number): number {
  return Number(value.toPrecision(5));
}

function levelOf(calls: number): number {
  const level = Math.log(Math.max(calls, LEVELS.lowest) / LEVELS.lowest) / Math.log(LEVELS.step);
  return Math.min(Math.round(level), LEVELS.most);
}

const CALLS = Array.from({ length: LEVELS.most + 1 }, (_, level) =>
  level === 0 ? 0 : LEVELS.lowest * LEVELS.step ** level,
);

function callsOf(level: number): number {
  return CALLS[level] ?? 0;
}

/** Two characters for each level, of the 64 from '0' on; none of them is escaped in JSON but the backslash, which is left out. */
function pack(levels: readonly number[]): string {
  return levels.map((level) => digit(level >> 6) + digit(level & 63)).join('');
}

function digit(value: number): string {
  const code = 48 + value;
  return String.fromCharCode(code < 92 ? code : code + 1);
}

function unpack(packed: string): number[] {
  if (packed.length !== 2 * SLOTS) throw new TypeError('the stored habit of a key is damaged');
  const value = (index: number) => {
    const code = packed.charCodeAt(index);
    return (code < 92 ? code : code - 1) - 48;
  };
  return Array.from({ length: SLOTS }, (_, slot) => value(2 * slot) * 64 + value(2 * slot + 1));
}
