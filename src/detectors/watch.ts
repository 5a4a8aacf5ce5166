import type { Finding, LogEvent } from '../model/index.ts';
import type { Rules, WatchContext } from './contract.ts';
import { Habit } from './habits.ts';
import { KEY, type Part, REST } from './parts.ts';
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
      const missing = new Set<string>();
      const want = (keyId: string) => habits.of(keyId) === undefined && missing.add(KEY + keyId);
      for (const { keyId } of keys) want(keyId);
      for (const { keyId } of events) if (keyId !== null) want(keyId);
      for (const { detector } of detectors) for (const keyId of detector.needs?.() ?? []) want(keyId);
      return [...missing].flatMap((name) => [name, name + REST]);
    },

    admit({ habits }, parts) {
      const rests: Part[] = [];
      for (const part of parts) {
        const [name, body] = part;
        if (name.endsWith(REST)) rests.push(part);
        else unlessDamaged(() => habits.admit(Habit.read(name.slice(KEY.length), body)));
      }
      for (const [name, body] of rests)
        unlessDamaged(() => habits.of(name.slice(KEY.length, -REST.length))?.readRest(body));
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

/** A key whose part cannot be read is a key never seen; where what rests cannot, its detectors meet the key anew. */
function unlessDamaged(take: () => void): void {
  try {
    take();
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
}
