import type { AuditEntry } from '../model/index.ts';
import type { State } from '../state/contract.ts';

/** Reads the audit log forward, as it grows. */
export class Journal {
  readonly #state: State;
  #last: string | null = null;

  constructor(state: State) {
    this.#state = state;
  }

  /** What was added since the last call, oldest first. */
  async next(): Promise<readonly AuditEntry[]> {
    const fresh: AuditEntry[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<State['audit']>> = await this.#state.audit({ cursor, limit: 100 });
      const known = page.items.findIndex((entry) => JSON.stringify(entry) === this.#last);
      fresh.push(...(known === -1 ? page.items : page.items.slice(0, known)));
      cursor = known === -1 ? page.nextCursor : null;
    } while (cursor !== null);
    const [newest] = fresh;
    if (newest !== undefined) this.#last = JSON.stringify(newest);
    return fresh.reverse();
  }
}
