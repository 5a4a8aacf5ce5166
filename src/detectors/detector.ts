import type { Finding } from '../model/index.ts';
import type { Rules, WatchContext } from './contract.ts';
import type { Habits } from './habits.ts';
import type { LogClock } from './log-clock.ts';
import type { Directory } from './places.ts';
import type { Sight } from './sight.ts';
import type { Json } from './stored.ts';

/** What a detector is made of: the monitor's rules and what it kept, undefined at its first start. */
export type DetectorInput = {
  readonly rules: Rules;
  readonly directory: Directory;
  /** The keys at hand. What a detector keeps of a key stands in a note of it, see {@link import('./habits.ts').Notes}. */
  readonly habits: Habits;
  readonly stored: Json | undefined;
};

/**
 * One detector with its memory. An event seen twice, or in another order within the log's lateness, changes
 * nothing in what it says once the lateness has passed.
 */
export type Detector = {
  /** Takes note of an event. Called for every event, so whatever is ordinary must cost next to nothing. */
  see(sight: Sight): void;
  /** What there is to tell after a page or after time has passed. */
  tell(clock: LogClock, context: WatchContext): readonly Finding[];
  /** Judges the feed itself, once a poll. */
  tick?(context: WatchContext): readonly Finding[];
  /** The keys that `tell` looks at whether they have events or not: those with something open. */
  needs?(): Iterable<string>;
  /** Its memory as JSON, of bounded size, beside its notes of keys. */
  save(): Json;
};

/** How a detector is made. */
export type DetectorFactory = {
  /** The form of what it keeps, of itself and of each key. Raised with every change that old memory does not fit. */
  readonly form: number;
  /**
   * Brings its own memory from an older form to this one.
   * @throws {TypeError} where that cannot be done: it then starts afresh
   */
  readonly upgrade?: (stored: Json, form: number) => Json;
  /** @throws {TypeError} where what is stored is damaged */
  make(input: DetectorInput): Detector;
};
