import type { ClientRecord, Grant } from '../../model/index.ts';
import { type GrantPolicy, isLapsing, lapsesAt, tellingGrants } from '../../rotation/grants/index.ts';
import type { State } from '../../state/contract.ts';

/** One step goes through so many grants: a million take a hundred steps. */
const PAGE = 1_000;
const PAGES = 10;
/** An alert counts at most so many grants that are near their end, the nearest, and says that there are more. */
const MOST_LAPSING = 1_000;

/** What was seen of a client's active grants in a round, up to now. */
export type Sighting = {
  /** All of them were gone through. */
  readonly all: boolean;
  /** Those whose end is near, whatever they are due for. */
  readonly lapsing: { readonly count: number; readonly first: readonly Grant[] };
  /** Those whose scopes tell something. */
  readonly telling: readonly Pick<Grant, 'subject' | 'scopes'>[];
};

/**
 * Goes through all active grants of a client, a bounded step at a time, and round after round. It lives in memory alone: a
 * restart begins a round anew.
 */
export class Round {
  #cursor: string | null = null;
  #lapsing: readonly Grant[] = [];
  #count = 0;
  #telling: Sighting['telling'] = [];

  /** The next step. */
  async step(
    state: Pick<State, 'grants'>,
    { policy, record, now }: { policy: GrantPolicy; record: ClientRecord; now: number },
  ): Promise<Sighting> {
    for (let page = 0; page < PAGES; page += 1) {
      const query = { client: policy.client, state: 'active', limit: PAGE, cursor: this.#cursor } as const;
      const { items, nextCursor } = await state.grants(query);
      this.#telling = tellingGrants(policy, [...this.#telling, ...items]);
      const near = items.filter((grant) => isLapsing(grant, policy, record, now));
      this.#count += near.length;
      this.#lapsing = [...this.#lapsing, ...near]
        .toSorted((one, other) => lapsesAt(one, policy, record) - lapsesAt(other, policy, record))
        .slice(0, MOST_LAPSING);
      this.#cursor = nextCursor;
      if (nextCursor === null) return this.#end();
    }
    return this.#seen(false);
  }

  #end(): Sighting {
    const seen = this.#seen(true);
    [this.#lapsing, this.#count, this.#telling] = [[], 0, []];
    return seen;
  }

  #seen(all: boolean): Sighting {
    return { all, lapsing: { count: this.#count, first: this.#lapsing }, telling: this.#telling };
  }
}
