import { Distinct } from './distinct.ts';
import { type Json, list, number, text } from './stored.ts';

/** What is counted of a key. */
export const STREAMS = ['calls', 'downloads'] as const;
export type StreamName = (typeof STREAMS)[number];

/** How much a window should hold: its mean, and the variance over it. */
export type Usual = { readonly mean: number; readonly dispersion: number };

/** A count over one or twelve hours, as far as it does not change while the last of them goes on. */
export type Window = Usual & {
  readonly stream: StreamName;
  readonly hours: number;
  /** What it holds beside its last hour. */
  readonly before: number;
  /** By how much the key did less than usual before the window, faded: what may be caught up in it. */
  readonly missed: number;
  /** Below so many in the last hour there is nothing to judge. */
  readonly least: number;
};

/** The counts of an hour that still goes on, or is less than an hour over. */
export class Hour {
  readonly hour: number;
  /** The time of its latest call. */
  last = 0;
  readonly calls: Distinct;
  readonly downloads: Distinct;
  /** Null where they are to be worked out anew. */
  windows: readonly Window[] | null = null;
  /** The least of the windows, by stream. */
  least: readonly [calls: number, downloads: number] = [0, 0];

  constructor(hour: number, calls = new Distinct(), downloads = new Distinct()) {
    this.hour = hour;
    this.calls = calls;
    this.downloads = downloads;
  }

  static load(stored: Json | undefined): Hour | null {
    if (stored === undefined) return null;
    const [hour, last, calls, downloads] = list(stored);
    const loaded = new Hour(number(hour), Distinct.load(text(calls)), Distinct.load(text(downloads)));
    loaded.last = number(last);
    return loaded;
  }

  save(): Json {
    return [this.hour, this.last, this.calls.save(), this.downloads.save()];
  }
}
