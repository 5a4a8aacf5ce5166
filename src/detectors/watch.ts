import type { Finding, LogEvent } from '../model/index.ts';
import type { Rules, WatchContext } from './contract.ts';
import type { Detector } from './detector.ts';
import { DETECTORS } from './index.ts';
import { LogClock } from './log-clock.ts';
import { Directory } from './places.ts';
import { Repeats } from './repeats.ts';
import { Sight } from './sight.ts';
import { Sources } from './sources.ts';
import { type Json, number, record } from './stored.ts';

/** The form of the stored state; a build that reads another starts afresh. */
const VERSION = 2;

/** All that the watch of one monitor remembers. Its owner loads it, hands it in, and commits what `save` makes of it. */
export type WatchState = {
  /** Why nothing earlier was taken over although there was something; null: all was, or there was nothing. */
  readonly startedAfresh: string | null;
  readonly clock: LogClock;
  readonly repeats: Repeats;
  readonly sources: Sources;
  readonly detectors: readonly (readonly [kind: string, detector: Detector])[];
};

/**
 * The detectors of one monitor. It holds no state of its own.
 *
 * @example
 * const watch = createWatch(monitor.rules);
 * const state = watch.restore(record.detectors);
 * const findings = [...watch.observe(state, page.events, context), ...watch.tick(state, context)];
 * await commit({ cursor: page.nextCursor, detectors: watch.save(state), findings });
 */
export type Watch = {
  /** The state that `save` wrote. What cannot be read (damaged, of another version) is left, and `startedAfresh` says so. */
  restore(json: string | null): WatchState;
  /** Takes in a page in its order of arrival; changes `state`. Findings in the order in which they are to be told. */
  observe(state: WatchState, events: readonly LogEvent[], context: WatchContext): Finding[];
  /** Time has passed: once after every poll, whether it succeeded or not. Ends what is over and judges the feed. */
  tick(state: WatchState, context: WatchContext): Finding[];
  /**
   * Whether the event is no repeat, for something outside of the detectors that counts it: `purpose` keeps their answers
   * apart. True once for each purpose; every event asked for is remembered, so it is asked of what is rare.
   */
  first(state: WatchState, purpose: string, event: LogEvent): boolean;
  /** Versioned JSON of bounded size; each detector's file states its limits. */
  save(state: WatchState): string;
};

/** @throws {TypeError} where an allowlist holds what is no CIDR block; the configuration has checked that */
export function createWatch(rules: Rules): Watch {
  const directory = new Directory(rules);

  function tell(state: WatchState, context: WatchContext): Finding[] {
    return state.detectors.flatMap(([, detector]) => detector.tell(state.clock, context));
  }

  return {
    restore(json) {
      if (json === null) return open(rules, directory, {}, null);
      try {
        return open(rules, directory, read(json), null);
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'the stored state cannot be read';
        return open(rules, directory, {}, reason);
      }
    },

    observe(state, events, context) {
      directory.setKeys(context.keys);
      const sight = new Sight(directory, state.sources, state.clock, state.repeats);
      const detectors = state.detectors.map(([, detector]) => detector);
      for (const event of events) {
        sight.take(event, context.now);
        for (const detector of detectors) detector.see(sight);
      }
      return tell(state, context);
    },

    tick(state, context) {
      directory.setKeys(context.keys);
      if (context.feed?.caughtUp ?? true) state.clock.readTo(context.now);
      const feed = state.detectors.flatMap(([, detector]) => detector.tick?.(context) ?? []);
      return [...tell(state, context), ...feed];
    },

    first: ({ repeats, clock }, purpose, event) => repeats.first(`${purpose} ${event.id}`, clock.reached),

    save: ({ clock, repeats, sources, detectors }) =>
      JSON.stringify({
        version: VERSION,
        reached: clock.reached,
        repeats: repeats.save(),
        sources: sources.save(),
        detectors: Object.fromEntries(detectors.map(([kind, detector]) => [kind, detector.save()])),
      }),
  };
}

/** @throws {TypeError} where it is damaged or of another version */
function read(json: string): Readonly<Record<string, Json>> {
  let parsed: Json;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new TypeError('the stored state of the watch is no JSON');
  }
  const stored = record(parsed);
  if (stored.version === VERSION) return stored;
  throw new TypeError(
    `the stored state of the watch has the form ${JSON.stringify(stored.version)}, this build reads ${VERSION}`,
  );
}

function open(
  rules: Rules,
  directory: Directory,
  stored: Readonly<Record<string, Json>>,
  startedAfresh: string | null,
): WatchState {
  const kept = record(stored.detectors ?? {});
  return {
    startedAfresh,
    clock: new LogClock(number(stored.reached ?? 0)),
    repeats: new Repeats(stored.repeats),
    sources: new Sources(stored.sources),
    detectors: Object.entries(DETECTORS).map(([kind, detector]) => [
      kind,
      detector({ rules, directory, stored: kept[kind] }),
    ]),
  };
}
