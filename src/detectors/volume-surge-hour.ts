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

  write(): string {
    return `[${this.hour},${this.last},"${this.calls.save()}","${this.downloads.save()}"]`;
  }
}

/** The latest hour of a key, and the one before it. They change with every call, and so are a note of their own. */
export class OpenHours {
  latest: Hour | null = null;
  earlier: Hour | null = null;

  /** @throws {TypeError} where what is stored is damaged */
  static load(stored: Json | undefined): OpenHours {
    const [latest, earlier] = list(stored ?? []);
    const loaded = new OpenHours();
    loaded.latest = Hour.load(latest);
    loaded.earlier = Hour.load(earlier);
    return loaded;
  }

  at(hour: number): Hour | null {
    if (this.latest?.hour === hour) return this.latest;
    return this.earlier?.hour === hour ? this.earlier : null;
  }

  write(): string {
    if (this.latest === null) return '[]';
    return this.earlier === null
      ? `[${this.latest.write()}]`
      : `[${this.latest.write()},${this.earlier.write()}]`;
  }
}
