import type { BegunConsent } from '../../engine/grants/contract.ts';
import { SECOND } from '../../model/index.ts';
import { Problem } from '../problem.ts';

/** So many consents of a client may wait for their users at once: a loop that begins them must not fill the state. */
const MOST = 1_000;

/** The consents that were begun here and are not over, by client. */
export class Pending {
  readonly #ends = new Map<string, Map<string, number>>();
  #places = 0;

  /**
   * Begins one where there is room for it.
   * @param now wall time, ms
   * @throws {Problem} 429, with when the oldest is over
   */
  async begin(client: string, now: number, begin: () => Promise<BegunConsent>): Promise<BegunConsent> {
    const ends = this.#ends.get(client) ?? new Map<string, number>();
    this.#ends.set(client, ends);
    assertRoom(client, ends, now);
    this.#places += 1;
    const place = `place ${this.#places}`;
    ends.set(place, Number.POSITIVE_INFINITY);
    try {
      const begun = await begin();
      ends.set(begun.id, begun.expiresAt);
      return begun;
    } finally {
      ends.delete(place);
    }
  }

  /** One is over; of no effect where it is not known. */
  end(client: string, id: string): void {
    this.#ends.get(client)?.delete(id);
  }
}

function assertRoom(client: string, ends: Map<string, number>, now: number): void {
  for (const [id, at] of ends) if (at <= now) ends.delete(id);
  if (ends.size < MOST) return;
  const [first = now] = [...ends.values()].filter(Number.isFinite).sort((a, b) => a - b);
  const headers = { 'retry-after': String(Math.max(1, Math.ceil((first - now) / SECOND))) };
  const detail = `${client} has ${MOST} consents that wait for their users; begin one when the user asks for it, and no sooner`;
  throw new Problem(429, 'too-many-consents', detail, { headers });
}
