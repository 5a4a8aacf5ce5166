import type { Geo, LogEvent } from '../model/index.ts';
import type { Locate } from './contract.ts';
import { markOf } from './distinct.ts';
import { type Habit, type Habits, knownBefore, type Source } from './habits.ts';
import type { LogClock } from './log-clock.ts';
import type { Directory, KeyFacts } from './places.ts';
import type { Repeats } from './repeats.ts';

/** The user agent of Keywarden's own calls. */
export const OWN_AGENT = 'keywarden';

/** What the provider made of a call: it bore no valid key, a valid one, or that is not to be told from the answer. */
export type Verdict = 'refused' | 'accepted' | 'open';

/**
 * A 401 is a refused login. A 403 bears on the place or the protocol, not on the key, and a 5xx on neither; any
 * other answer was given to a key the provider knew, a 404 and a 429 too.
 */
export function verdictOf(event: LogEvent): Verdict {
  if (event.status === 401) return 'refused';
  return event.keyId !== null && event.status < 500 && event.status !== 403 ? 'accepted' : 'open';
}

/** One event as every detector sees it. It is filled anew for each event, so none may keep it. */
export class Sight {
  readonly directory: Directory;
  readonly habits: Habits;
  readonly clock: LogClock;
  readonly #repeats: Repeats;
  readonly #locate: Locate;
  #event: LogEvent | null = null;
  #first: boolean | null = null;
  #geo: Geo | null | undefined;
  #mark: number | null = null;
  /** The time the event counts at. */
  at = 0;
  /** The context's. */
  now = 0;
  verdict: Verdict = 'open';
  /** Null where the call bore no key that exists. */
  key: KeyFacts | null = null;
  habit: Habit | null = null;
  /** The address as one of the key's own; null where the call was not accepted, or makes no place a known one. */
  source: Source | null = null;

  constructor(parts: {
    readonly directory: Directory;
    readonly habits: Habits;
    readonly clock: LogClock;
    readonly repeats: Repeats;
    readonly locate: Locate;
  }) {
    this.directory = parts.directory;
    this.habits = parts.habits;
    this.clock = parts.clock;
    this.#repeats = parts.repeats;
    this.#locate = parts.locate;
  }

  get event(): LogEvent {
    if (this.#event === null) throw new TypeError('no event is in sight');
    return this.#event;
  }

  /** From where the call came: by the provider's word, else by the country database; null where neither says. */
  get geo(): Geo | null {
    if (this.#geo === undefined) this.#geo = this.event.geo ?? this.#locate(this.event.ip);
    return this.#geo;
  }

  /** Stands for the event where different ones are counted, see {@link import('./distinct.ts').Distinct}. */
  get mark(): number {
    this.#mark ??= markOf(this.event.id);
    return this.#mark;
  }

  take(event: LogEvent, now: number): void {
    this.#event = event;
    this.#first = null;
    this.#geo = undefined;
    this.#mark = null;
    this.now = now;
    this.at = this.clock.take(event.time, now);
    this.verdict = verdictOf(event);
    this.key = null;
    this.habit = null;
    this.source = null;
    if (event.keyId === null) return;
    const habit = this.habits.used(event.keyId, this.at);
    this.habit = habit;
    this.key = this.#factsOf(habit);
    if (this.verdict === 'accepted' && !this.retiredUse() && !this.exposedUse())
      this.source = habit.accepted(event.ip, this.at);
  }

  #factsOf(habit: Habit): KeyFacts {
    const { directory } = this;
    if (habit.facts === null || habit.edition !== directory.edition) {
      habit.facts = directory.of(habit.keyId);
      habit.edition = directory.edition;
    }
    return habit.facts;
  }

  /** Whether a key is used after its end: such a use makes no place a known one. */
  retiredUse(): boolean {
    const retiredAt = this.key?.retiredAt ?? null;
    return retiredAt !== null && this.at > retiredAt;
  }

  /** Whether somebody was let in with a key that is known to others, or that was never given to anybody. */
  exposedUse(): boolean {
    const exposure = this.key?.exposure ?? null;
    return exposure !== null && this.verdict === 'accepted' && this.at > exposure.since;
  }

  /**
   * Whether Keywarden made the call: it minted a key that is ours, or it bears our name and comes from an address from
   * which a managed key was in use before, so that whoever writes our name on his calls is seen all the same. Costs a
   * look at every managed key.
   */
  own(): boolean {
    const { mintedKeyId, userAgent } = this.event;
    if (mintedKeyId !== null && this.directory.managed.some(({ keyId }) => keyId === mintedKeyId))
      return true;
    if (userAgent !== OWN_AGENT) return false;
    return this.directory.managed.some(({ keyId }) =>
      knownBefore(this.habits.of(keyId)?.sources.get(this.event.ip), this.at),
    );
  }

  /** Whether the event is no repeat. To be asked before anything is counted, and only then: every id asked for is kept. */
  first(): boolean {
    this.#first ??= this.#repeats.first(this.event.id, this.clock.reached);
    return this.#first;
  }
}
