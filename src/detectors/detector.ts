import type { Finding } from '../model/index.ts';
import type { Rules, WatchContext } from './contract.ts';
import type { LogClock } from './log-clock.ts';
import type { Directory } from './places.ts';
import type { Sight } from './sight.ts';
import type { Json } from './stored.ts';

/** What a detector is made of: the monitor's rules and what it kept, undefined at its first start. */
export type DetectorInput = {
  readonly rules: Rules;
  readonly directory: Directory;
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
  /** Its memory as JSON, of bounded size. */
  save(): Json;
};

export type DetectorFactory = (input: DetectorInput) => Detector;
