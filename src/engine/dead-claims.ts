import type { Change } from '../model/index.ts';
import type { EngineContext } from './context.ts';
import { WHILE_IT_LIVES } from './loop.ts';

type Context = Pick<EngineContext, 'state' | 'clock' | 'claimFor'>;

/** A claim as it was first seen: until when it holds, and when that was by the steady clock. */
type Seen = { readonly until: number; readonly since: number };

/**
 * Finds the claims that outlive their holders where several processes share a state: whoever took one by a wall clock
 * that was ahead, and died, would hold it until that time comes. No wall clock says who is right, so each is watched by
 * the steady one, and is over once it was seen to stand for as long as any claim holds.
 */
export class DeadClaims {
  readonly #context: Context;
  #seen = new Map<string, Seen>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Frees those that have stood for too long since they were first seen here, and makes their records due. */
  async look(): Promise<readonly Change[]> {
    const { state, clock, claimFor } = this.#context;
    if (claimFor >= WHILE_IT_LIVES) return [];
    const [now, steady] = [clock.now(), clock.steady()];
    const seen = new Map<string, Seen>();
    const changes: Change[] = [];
    for (const { kind, id, until } of await state.claimedBeyond(now + claimFor)) {
      const key = `${kind} ${id}`;
      const former = this.#seen.get(key);
      const since = former?.until === until ? former.since : steady;
      seen.set(key, { until, since });
      if (steady - since >= claimFor) changes.push({ type: 'work.free', kind, id, until, at: now });
    }
    this.#seen = seen;
    return changes;
  }
}
