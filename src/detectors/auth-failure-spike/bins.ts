import { formatDuration, MINUTE, SECOND } from '../../model/index.ts';
import type { Span } from './baseline.ts';
import { WINDOWS } from './baseline.ts';
import { pack, unpack } from './codec.ts';

/** Streams of a key's failures: from addresses without, and with, an earlier success on it. */
export type Stream = 0 | 1;

/**
 * The failures of one minute, by stream; `from` and `to`: the times of its first and last, to the second. `fires`: 1 +
 * the index of the test that found it beyond chance (the shortest window, or {@link DRIFT}); 0: none.
 */
export type Bin = {
  readonly minute: number;
  readonly counts: [number, number];
  readonly fires: [number, number];
  /** Whether it fires in either stream. */
  fired: boolean;
  from: number;
  to: number;
};

/** The test after the windows: many bins of which none is beyond chance by itself. */
export const DRIFT = WINDOWS.length;
/** The tests after it: many new addresses together, and one of them over and over. */
export const CROWD = 5;
export const BOUT = 6;
export type Together = typeof CROWD | typeof BOUT;
/** The longest of the windows. */
export const LONGEST = 720;
/** Bins of a drift that count as part of it. */
const DRIFT_SPAN = 240;
/** Bins of those who fail together. */
const TOGETHER = 20;
/** An episode is over after so many bins of which none fires; after four hours where only the slow and steady shows. */
const QUIET = 30;
const QUIET_SLOW = 240;

export const minuteOf = (at: number): number => Math.floor(at / MINUTE);

/** How many bins, up to the one that fires, its test looks at. */
export function widthOf(test: number): number {
  if (test === DRIFT) return DRIFT_SPAN;
  return test > DRIFT ? TOGETHER : (WINDOWS[test] ?? 1);
}

/** Over which time the test that decided looks, in words. */
export function windowOf(test: number): string {
  const width = formatDuration(widthOf(test) * MINUTE);
  if (test === DRIFT) return 'slow drift';
  if (test < DRIFT) return width;
  return `${width}, ${test === CROWD ? 'new addresses' : 'one address'}`;
}

/** For how many bins after this one, which fires, a further one that fires belongs to the same episode. */
export function reachOf(bin: Bin | undefined): number {
  if (bin === undefined) return QUIET;
  return isSlow(bin.fires[0]) && isSlow(bin.fires[1]) ? QUIET_SLOW : QUIET;
}

const isSlow = (fires: number): boolean => fires === 0 || (fires >= WINDOWS.length && fires <= DRIFT + 1);

/** A bin kept to the minute, as all are that neither fire nor are fresh: a busy key has hundreds. */
export function blur(bin: Bin): void {
  bin.from = bin.minute * MINUTE;
  bin.to = bin.from + MINUTE - SECOND;
}

/** A bin that neither fires nor holds failures of new addresses, right after the one before, takes one character. */
export function packBins(bins: readonly Bin[]): string {
  const values: number[] = [];
  let last = (bins[0]?.minute ?? 1) - 1;
  values.push(last);
  for (const { minute, counts, fires, fired, from, to } of bins) {
    const gap = minute - last > 1;
    const start = (from - minute * MINUTE) / SECOND;
    const sharp = start !== 0 || to - from !== MINUTE - SECOND;
    const both = counts[0] > 0;
    values.push(Number(gap) + 2 * Number(both) + 4 * Number(fired || sharp) + 8 * counts[1]);
    if (gap) values.push(minute - last);
    if (both) values.push(counts[0]);
    if (fired || sharp) values.push(fires[0] * 8 + fires[1], start, (to - from) / SECOND);
    last = minute;
  }
  return pack(values);
}

/** @throws {TypeError} where the text is damaged */
export function unpackBins(packed: string): Bin[] {
  const values = unpack(packed);
  let at = 0;
  const next = (): number => {
    const value = values[at];
    if (value === undefined) throw new TypeError('the stored bins are damaged: they end too soon');
    at += 1;
    return value;
  };
  const bins: Bin[] = [];
  let minute = next();
  while (at < values.length) {
    const head = next();
    minute += (head & 1) === 0 ? 1 : next();
    const fresh = (head & 2) === 0 ? 0 : next();
    const bin: Bin = { minute, counts: [fresh, head >> 3], fires: [0, 0], fired: false, from: 0, to: 0 };
    blur(bin);
    if ((head & 4) !== 0) {
      const tests = next();
      bin.fires[0] = tests >> 3;
      bin.fires[1] = tests & 7;
      bin.fired = tests > 0;
      bin.from = minute * MINUTE + next() * SECOND;
      bin.to = bin.from + next() * SECOND;
    }
    bins.push(bin);
  }
  return bins;
}

/** The minutes in the windows of the bins that fire, the latest span first; none overlaps another. */
export function spansTold(bins: readonly Bin[], stream: Stream): readonly Span[] {
  const spans: [from: number, to: number][] = [];
  for (let index = bins.length - 1; index >= 0; index -= 1) {
    const bin = bins[index];
    const fires = bin?.fires[stream] ?? 0;
    if (bin === undefined || fires === 0) continue;
    const from = bin.minute - widthOf(fires - 1) + 1;
    const later = spans.at(-1);
    if (later !== undefined && bin.minute >= later[0]) later[0] = Math.min(later[0], from);
    else spans.push([from, bin.minute]);
  }
  return spans;
}

/** What of the spans lies in an hour. */
export function within(spans: readonly Span[], hour: number): readonly Span[] {
  const start = hour * 60;
  return spans
    .filter(([from, to]) => to >= start && from < start + 60)
    .map(([from, to]) => [Math.max(0, from - start), Math.min(59, to - start)]);
}
