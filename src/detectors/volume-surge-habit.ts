import { HOUR } from '../model/index.ts';
import { type Json, list, number, numbers, text } from './stored.ts';
import { Hour, OpenHours, STREAMS, type Window } from './volume-surge-hour.ts';

/** Hours over which a count is judged. An hour teaches once it has left the longest. */
const WINDOWS = [1, 12] as const;
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
/** What a key did not do may be done later, and is forgotten by half in two days. */
const FADE = 0.985;
/** A key that was away for longer is learnt anew. */
const FORGET = 60 * 24;
/** What an hour of the day holds is kept in so many steps of 0.52 %, upwards of a hundredth of a call. */
const LEVELS = { lowest: 0.01, step: 1.0052, most: 4_095 } as const;

/**
 * The habit of one key: accepted calls and downloads by the hour. Calls have a mean, hours of the day on weekdays and
 * weekends, and a dispersion for each window; downloads have the same hours of the day. All numbers are short, and so
 * the same before and after they were stored. An hour is closed by the first call of the second hour after it: so what an
 * hour is judged by does not hang on the order in which its calls arrive.
 *
 * Memory: two open hours, the twelve that do not teach yet, 48 levels: some 500 bytes.
 */
export class VolumeHabit {
  #open = new OpenHours();
  /** Whether it has the open hours of its key. */
  isWhole = false;
  /** It is to be written. */
  news = false;
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
  /** By stream: by how much less than usual the closed hours that have taught held. */
  #missed = [0, 0];

  static load(stored: Json | undefined): VolumeHabit {
    const loaded = new VolumeHabit();
    if (stored === undefined) return loaded;
    const [open, closedTo, closed, known, levels, weight, sums, squares, expected, half, missed] =
      list(stored);
    loaded.#open = OpenHours.load(open);
    loaded.#closedTo = number(closedTo);
    loaded.#closed = numbers(closed);
    loaded.#known = numbers(known, 2);
    loaded.#levels = unpack(text(levels));
    loaded.#weight = number(weight);
    loaded.#sums = numbers(sums, 2);
    loaded.#squares = numbers(squares, 4);
    loaded.#expected = numbers(expected, 4);
    loaded.#half = numbers(half, 4);
    loaded.#missed = numbers(missed, 2);
    return loaded;
  }

  save(): Json {
    this.#packed ??= pack(this.#levels);
    return [
      [],
      this.#closedTo,
      this.#closed,
      this.#known,
      this.#packed,
      this.#weight,
      this.#sums,
      this.#squares,
      this.#expected,
      this.#half,
      this.#missed,
    ];
  }

  /** Takes the key's open hours for its own. The build before kept them with the habit: then they go into these. */
  join(open: OpenHours): void {
    if (open.latest === null) Object.assign(open, this.#open);
    this.#open = open;
    this.isWhole = true;
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
  add(at: number, mark: number, download: boolean): Hour | null {
    const hour = Math.floor(at / HOUR);
    let open = this.#open.latest;
    if (open?.hour !== hour) open = this.#hourAt(hour);
    if (open === null) return null;
    if (at > open.last) open.last = at;
    const more = open.calls.add(mark);
    return (download && open.downloads.add(mark)) || more ? open : null;
  }

  #hourAt(hour: number): Hour | null {
    const { latest } = this.#open;
    if (latest !== null && hour < latest.hour) {
      if (hour < latest.hour - 1 || hour <= this.#closedTo) return null;
      latest.windows = null;
      this.#open.earlier ??= new Hour(hour);
      return this.#open.earlier;
    }
    this.#close(hour - 1);
    this.#open.earlier = latest?.hour === hour - 1 ? latest : null;
    this.#open.latest = new Hour(hour);
    return this.#open.latest;
  }

  /** Closes every hour before `hour`, the empty ones too, from the first that had a call. */
  #close(hour: number): void {
    const { latest, earlier } = this.#open;
    const first = this.#closedTo > 0 ? this.#closedTo + 1 : ((earlier ?? latest)?.hour ?? hour);
    this.news ||= first < hour;
    if (hour - first > FORGET) {
      this.#forget();
      return;
    }
    for (let next = first; next < hour; next += 1) {
      const ended = this.#open.at(next);
      this.#closed.push(ended?.calls.count ?? 0, ended?.downloads.count ?? 0);
      this.#closedTo = next;
      if (this.#closed.length <= 2 * LAG) continue;
      const [calls = 0, downloads = 0] = this.#closed.splice(0, 2);
      this.#learn(next - LAG, [calls, downloads]);
    }
  }

  #forget(): void {
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
    this.#missed = [0, 0];
  }

  #learn(hour: number, counts: readonly [number, number]): void {
    const slot = slotOf(hour);
    const kind = slot < 24 ? 0 : 1;
    const visits = Math.floor((this.#known[kind] ?? 0) / 24);
    const usual = STREAMS.map((_, stream) => this.#mean(stream, hour, 0));
    for (const [stream, count] of counts.entries()) {
      // The first visit has nothing to be compared with.
      if (visits > 0) this.#scatter(2 * stream, count, usual[stream] ?? 0);
      this.#missed[stream] = short(missedBy(this.#missed[stream] ?? 0, usual[stream] ?? 0, count));
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

  /** What is judged of the hour, worked out once. `leastOf` says from which count in a window on that is worth it. */
  windowsOf(
    open: Hour,
    leastOf: (window: Omit<Window, 'least'>, index: number) => number,
  ): readonly Window[] {
    if (open.windows !== null) return open.windows;
    const least: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const windows: Window[] = [];
    for (let index = 0; index < STREAMS.length; index += 1) {
      for (let at = 0; at < WINDOWS.length; at += 1) {
        const window = this.#windowOf(open.hour, index, at);
        const enough = leastOf(window, index) - window.before;
        if (enough < (least[index] ?? 0)) least[index] = enough;
        windows.push({ ...window, least: enough });
      }
    }
    open.least = least;
    open.windows = windows;
    return windows;
  }

  #windowOf(hour: number, index: number, at: number): Omit<Window, 'least'> {
    const hours = WINDOWS[at] ?? 1;
    const from = hour - hours + 1;
    let mean = 0;
    for (let each = from; each <= hour; each += 1) mean += this.#mean(index, each, FLAT);
    const seen = PRIOR.dispersion * PRIOR.weight + (this.#squares[2 * index + at] ?? 0);
    return {
      stream: STREAMS[index] ?? 'calls',
      hours,
      mean,
      dispersion: Math.max(1, seen / (PRIOR.weight + (this.#expected[2 * index + at] ?? 0))),
      before: this.#heldIn(index, from, hour),
      missed: this.#missedBefore(index, from),
    };
  }

  /** `to` is not part of it. */
  #heldIn(stream: number, from: number, to: number): number {
    let sum = 0;
    for (let at = from; at < to; at += 1) sum += this.#countOf(stream, at);
    return sum;
  }

  #countOf(stream: number, hour: number): number {
    const open = this.#open.at(hour);
    if (open !== null) return (stream === 0 ? open.calls : open.downloads).count;
    return this.#closed[2 * (hour - this.#firstKept) + stream] ?? 0;
  }

  get #firstKept(): number {
    return this.#closedTo - this.#closed.length / 2 + 1;
  }

  #missedBefore(stream: number, hour: number): number {
    let missed = this.#missed[stream] ?? 0;
    if (this.#closedTo === 0) return missed;
    for (let at = this.#firstKept; at < hour; at += 1)
      missed = missedBy(missed, this.#mean(stream, at, 0), this.#countOf(stream, at));
    return missed;
  }
}

/** What was missed before and in an hour: caught up where it held more than usual. */
function missedBy(before: number, usual: number, count: number): number {
  return Math.max(0, before * FADE + usual - count);
}

/** The hour's place in the week, Saturdays and Sundays apart. The epoch was a Thursday. */
function slotOf(hour: number): number {
  const day = (Math.floor(hour / 24) + 4) % 7;
  return (hour % 24) + (day === 0 || day === 6 ? 24 : 0);
}

/** Five digits or six, so that what is stored of a key stays small. */
function short(value: number): number {
  if (value >= 10_000) return Math.round(value);
  if (value >= 100) return Math.round(value * 100) / 100;
  return Math.round(value * 10_000) / 10_000;
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
