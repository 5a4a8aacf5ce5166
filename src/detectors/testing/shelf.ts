import type { LogEvent } from '../../model/index.ts';
import type { WatchContext } from '../contract.ts';
import { KEY } from '../parts.ts';
import type { Watch, WatchState } from '../watch.ts';

/** Where a test keeps what a watch remembers, as the state does for the daemon. */
export class Shelf {
  readonly parts = new Map<string, string>();

  /** What a new process would begin with. */
  open(watch: Watch): WatchState {
    return watch.open([...this.parts].filter(([name]) => !name.startsWith(KEY)));
  }

  /** Hands in the keys that are wanted for a page. */
  fetch(watch: Watch, state: WatchState, events: readonly LogEvent[], context: WatchContext): void {
    const wanted = watch.wanted(state, events, context);
    watch.admit(
      state,
      wanted.flatMap((name) => {
        const body = this.parts.get(name);
        return body === undefined ? [] : [[name, body] as const];
      }),
    );
  }

  keep(watch: Watch, state: WatchState): void {
    const { put, drop } = watch.changes(state);
    for (const [name, body] of put) this.parts.set(name, body);
    for (const name of drop) this.parts.delete(name);
  }

  /** Bytes in all. */
  get size(): number {
    return [...this.parts].reduce((sum, [name, body]) => sum + name.length + body.length, 0);
  }
}
