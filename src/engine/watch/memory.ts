import type { WatchContext } from '../../detectors/contract.ts';
import type { Watch, WatchState } from '../../detectors/watch.ts';
import type { Change, LogEvent, WatchPart } from '../../model/index.ts';
import type { State } from '../../state/contract.ts';
import { Backfill } from './backfill.ts';

/** When so many keys are at hand, all is read anew: the backlog of a large account must not fill the memory. */
const KEYS_AT_HAND = 10_000;

/** What changes with the key's calls, and what rests. */
const PARTS = 2;

const READ_SINCE = 'read-since';

/**
 * What the watch of one monitor remembers, read from the state as the pages of a poll need it. It lives as long as the poll,
 * and no longer than the first commit that fails: the state alone is true.
 */
export class WatchMemory {
  readonly #state: Pick<State, 'watchGeneral' | 'watchParts'>;
  readonly #watch: Watch;
  readonly #monitor: string;
  #watched: WatchState;
  /** What the first reading of the log has found so far; null: that is over, or has not begun. */
  backfill: Backfill | null;
  #readSince: number | null;
  /** It, as it is stored. */
  #written: number | null;
  /** The parts that were asked for; a key without one is new, and is not asked for again. */
  readonly #asked = new Set<string>();

  static async open(
    state: Pick<State, 'watchGeneral' | 'watchParts'>,
    watch: Watch,
    monitor: string,
  ): Promise<WatchMemory> {
    return new WatchMemory(state, watch, monitor, await state.watchGeneral(monitor));
  }

  private constructor(
    state: Pick<State, 'watchGeneral' | 'watchParts'>,
    watch: Watch,
    monitor: string,
    parts: readonly WatchPart[],
  ) {
    this.#state = state;
    this.#watch = watch;
    this.#monitor = monitor;
    this.#watched = watch.open(ofWatch(parts));
    this.backfill = Backfill.among(parts);
    const since = Number(parts.find(([name]) => name === READ_SINCE)?.[1]);
    this.#readSince = Number.isSafeInteger(since) ? since : null;
    this.#written = this.#readSince;
  }

  /** From when on the log owes what was done; null: no page was read yet. */
  get readSince(): number | null {
    return this.#readSince;
  }

  set readSince(at: number) {
    this.#readSince = at;
  }

  /** See `WatchState.startedAfresh`. */
  get startedAfresh(): readonly string[] {
    return this.#watched.startedAfresh;
  }

  /** All that these events need, at hand. To be called when what {@link changes} gave is committed. */
  async ready(events: readonly LogEvent[], context: WatchContext): Promise<WatchState> {
    if (this.#asked.size > KEYS_AT_HAND * PARTS) {
      this.#watched = this.#watch.open(ofWatch(await this.#state.watchGeneral(this.#monitor)));
      this.#asked.clear();
    }
    const wanted = this.#watch
      .wanted(this.#watched, events, context)
      .filter((name) => !this.#asked.has(name));
    this.#watch.admit(this.#watched, await this.#state.watchParts(this.#monitor, wanted));
    for (const name of wanted) this.#asked.add(name);
    return this.#watched;
  }

  /** What is to be committed with the page. */
  changes(): Change[] {
    const watch = this.#watch.changes(this.#watched);
    const kept = this.backfill?.changes() ?? { put: [], drop: [] };
    if (this.backfill?.isOver === true) this.backfill = null;
    const put = [...watch.put, ...kept.put, ...this.#since()];
    const drop = [...watch.drop, ...kept.drop];
    if (put.length === 0 && drop.length === 0) return [];
    return [{ type: 'watch.parts', monitor: this.#monitor, put, drop }];
  }

  #since(): readonly WatchPart[] {
    if (this.#readSince === this.#written) return [];
    this.#written = this.#readSince;
    return [[READ_SINCE, `${this.#readSince}`]];
  }
}

/** Without what is not the detectors'. */
function ofWatch(parts: readonly WatchPart[]): readonly WatchPart[] {
  return parts.filter((part) => !Backfill.is(part) && part[0] !== READ_SINCE);
}
