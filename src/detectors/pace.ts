import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { type Json, list, number, numbers } from './stored.ts';

/** Nothing, and four steps up to the most. */
const BARS = ['▁', '▂', '▃', '▅', '▇'] as const;
/** Bars in a line of text; more counts than that are summed in groups. */
const LONGEST = 48;
/** Counts kept of a case, whatever time it takes. */
const BUCKETS = 24;

/**
 * Counts as a line of bars: `▁` is none, `▇` the most. At most 48 characters.
 *
 * @example sparkline([0, 1, 4, 40]) // '▁▂▂▇'
 */
export function sparkline(counts: readonly number[]): string {
  const group = Math.ceil(counts.length / LONGEST);
  const sums = Array.from({ length: group === 0 ? 0 : Math.ceil(counts.length / group) }, (_, index) =>
    counts.slice(index * group, (index + 1) * group).reduce((sum, count) => sum + count, 0),
  );
  const most = Math.max(...sums);
  const top = BARS.length - 1;
  return sums.map((sum) => BARS[sum > 0 ? Math.ceil((sum / most) * top) : 0] ?? BARS[top]).join('');
}

/**
 * How many calls came when: at most 24 counts, of a minute each at first. Their width doubles as the time grows, and
 * they stand at multiples of it, so that the order of arrival does not show.
 */
export class Pace {
  #width = MINUTE;
  /** The first count's time, in widths. */
  #start = 0;
  #counts: number[] = [];

  /** @throws {TypeError} where it is damaged: a width that is no whole number of minutes would never be wide enough */
  static load(stored: Json | undefined): Pace {
    const pace = new Pace();
    const [width, start, counts] = list(stored);
    pace.#width = number(width);
    pace.#start = number(start);
    pace.#counts = numbers(counts);
    const times = [pace.#width / MINUTE, pace.#start, pace.#start + pace.#counts.length];
    if (pace.#width < MINUTE || pace.#counts.length > BUCKETS || !times.every(Number.isSafeInteger))
      throw new TypeError('the stored pace of a case is damaged');
    return pace;
  }

  add(at: number, by = 1): void {
    if (this.#counts.length === 0) this.#start = Math.floor(at / this.#width);
    while (this.#span(at) > BUCKETS) this.#widen();
    const index = Math.floor(at / this.#width);
    while (index < this.#start) {
      this.#counts.unshift(0);
      this.#start -= 1;
    }
    while (this.#counts.length <= index - this.#start) this.#counts.push(0);
    this.#counts[index - this.#start] = (this.#counts[index - this.#start] ?? 0) + by;
  }

  /** How many counts there were if one held `at` as well. */
  #span(at: number): number {
    const index = Math.floor(at / this.#width);
    return Math.max(index + 1, this.#start + this.#counts.length) - Math.min(index, this.#start);
  }

  #widen(): void {
    const start = Math.floor(this.#start / 2);
    const halves: number[] = [];
    for (const [offset, count] of this.#counts.entries()) {
      const half = Math.floor((this.#start + offset) / 2) - start;
      halves[half] = (halves[half] ?? 0) + count;
    }
    this.#width *= 2;
    this.#start = start;
    this.#counts = halves;
  }

  /** Takes over what another has counted. */
  absorb(other: Pace): void {
    for (const [offset, count] of other.#counts.entries()) {
      if (count > 0) this.add((other.#start + offset) * other.#width, count);
    }
  }

  /** '▁▂▇ (4 min each)'; empty before the first call. */
  get line(): string {
    return this.#counts.length === 0 ? '' : `${sparkline(this.#counts)} (${widthOf(this.#width)} each)`;
  }

  save(): Json {
    return [this.#width, this.#start, this.#counts];
  }
}

function widthOf(width: number): string {
  if (width < HOUR) return `${width / MINUTE} min`;
  return width < 2 * DAY ? `${round(width / HOUR)} h` : `${round(width / DAY)} d`;
}

const round = (value: number) => Math.round(value * 10) / 10;
