import type { Finding, LogEvent } from '../model/index.ts';
import type { Rules, WatchContext } from './contract.ts';
import { Habit } from './habits.ts';
import { KEY, type Part } from './parts.ts';
import { Directory } from './places.ts';
import { Sight } from './sight.ts';
import { changesOf, openState, type PartChanges, type WatchState } from './state.ts';
import { isDamage } from './stored.ts';

export type { WatchState } from './state.ts';

/**
 * The detectors of one monitor. It holds no state of its own; what it remembers is written in parts, so that a page
 * costs what it changes and not what is known.
 *
 * @example
 * const watch = createWatch(monitor.rules);
 * const state = watch.open(await stored.general());
 * watch.admit(state, await stored.parts(watch.wanted(state, page.events, context)));
 * const findings = [...watch.observe(state, page.events, context), ...watch.tick(state, context)];
 * await commit({ cursor: page.nextCursor, parts: watch.changes(state), findings });
 */
export type Watch = {
  /** Takes up what `changes` gave, but for the keys. What cannot be read (damaged, of an unknown form) is left, and `startedAfresh` says so. */
  open(parts: Iterable<Part>): WatchState;
  /** The names of the keys' parts that these events and what is open need, and that are not at hand. */
  wanted(state: WatchState, events: readonly LogEvent[], context: WatchContext): readonly string[];
  /** Takes up keys' parts. A key that was wanted and has none is new. */
  admit(state: WatchState, parts: Iterable<Part>): void;
  /** Takes in a page in its order of arrival; changes `state`. Findings in the order in which they are to be told. */
  observe(state: WatchState, events: readonly LogEvent[], context: WatchContext): Finding[];
  /** Time has passed: once after every poll, whether it succeeded or not. Ends what is over and judges the feed. */
  tick(state: WatchState, context: WatchContext): Finding[];
  /**
   * Whether the event is no repeat, for something outside of the detectors that counts it: `purpose` keeps their answers
   * apart. True once for each purpose; every event asked for is remembered, so it is asked of what is rare.
   */
  first(state: WatchState, purpose: string, event: LogEvent): boolean;
  /** What is to be written since the last call. A state whose changes could not be written is of no more use. */
  changes(state: WatchState): PartChanges;
};

/** @throws {TypeError} where an allowlist holds what is no CIDR block; the configuration has checked that */
export function createWatch(rules: Rules): Watch {
  const directory = new Directory(rules);

  function tell(state: WatchState, context: WatchContext): Finding[] {
    return state.detectors.flatMap(({ detector }) => [...detector.tell(state.clock, context)]);
  }

  return {
    open: (parts) => openState(rules, directory, parts),

    wanted({ habits, detectors }, events, { keys }) {
      const ids = new Set<string>(keys.map(({ keyId }) => keyId));
      for (const { keyId } of events) if (keyId !== null) ids.add(keyId);
      for (const { detector } of detectors) for (const keyId of detector.needs?.() ?? []) ids.add(keyId);
      return [...ids].filter((keyId) => habits.of(keyId) === undefined).map((keyId) => KEY + keyId);
    },

    admit({ habits }, parts) {
      for (const [name, body] of parts) {
        const habit = read(name.slice(KEY.length), body);
        if (habit !== null) habits.admit(habit);
      }
    },

    observe(state, events, context) {
      directory.setKeys(context.keys);
      const { clock, habits, repeats } = state;
      const sight = new Sight({ directory, habits, clock, repeats, locate: context.locate });
      const detectors = state.detectors.map(({ detector }) => detector);
      for (const event of events) {
        sight.take(event, context.now);
        for (const detector of detectors) detector.see(sight);
      }
      return state.stories.tell(tell(state, context));
    },

    tick(state, context) {
      directory.setKeys(context.keys);
      if (context.feed?.caughtUp ?? true) state.clock.readTo(context.now);
      const feed = state.detectors.flatMap(({ detector }) => [...(detector.tick?.(context) ?? [])]);
      return state.stories.tell([...tell(state, context), ...feed]);
    },

    first: ({ repeats, clock }, purpose, event) => repeats.first(`${purpose} ${event.id}`, clock.reached),

    changes: changesOf,
  };
}

/** A key whose part cannot be read is a key never seen: null. */
function read(keyId: string, body: string): Habit | null {
  try {
    return Habit.read(keyId, body);
  } catch (error) {
    if (isDamage(error)) return null;
    throw error;
  }
}
