import type { BegunConsent } from '../../engine/grants/contract.ts';
import { SECOND } from '../../model/index.ts';
import { Problem } from '../problem.ts';

/** So many consents of a client may wait for their users at once: a loop that begins them must not fill the state. */
const MOST = 1_000;

/** And so many of one user: whoever asks again and again takes nobody else's place. */
const MOST_OF_SUBJECT = 5;

type Whose = { readonly client: string; readonly subject: string };

/** A consent that waits; the end of one that is just being begun is not known yet: infinite. */
type Waiting = { readonly subject: string; readonly endsAt: number };

/** The consents that were begun here and are not over, by client. */
export class Pending {
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  #places = 0;

  /**
   * Begins one where there is room for it.
   * @param now wall time, ms
   * @throws {Problem} 429, with when the oldest that is in the way is over
   */
  async begin(
    { client, subject }: Whose,
    now: number,
    begin: () => Promise<BegunConsent>,
  ): Promise<BegunConsent> {
    const waiting = this.#waiting.get(client) ?? new Map<string, Waiting>();
    this.#waiting.set(client, waiting);
    for (const [id, { endsAt }] of waiting) if (endsAt <= now) waiting.delete(id);
    assertRoom({ client, subject }, [...waiting.values()], now);
    this.#places += 1;
    const place = `place ${this.#places}`;
    waiting.set(place, { subject, endsAt: Number.POSITIVE_INFINITY });
    try {
      const begun = await begin();
      waiting.set(begun.id, { subject, endsAt: begun.expiresAt });
      return begun;
    } finally {
      waiting.delete(place);
    }
  }

  /** One is over; of no effect where it is not known. */
  end(client: string, id: string): void {
    this.#waiting.get(client)?.delete(id);
  }
}

function assertRoom({ client, subject }: Whose, waiting: readonly Waiting[], now: number): void {
  const own = waiting.filter((each) => each.subject === subject);
  if (own.length >= MOST_OF_SUBJECT) {
    throw tooMany(
      `this user has ${MOST_OF_SUBJECT} consents of ${client} that wait; finish one, or wait until the oldest is over`,
      own,
      now,
    );
  }
  if (waiting.length < MOST) return;
  throw tooMany(
    `${client} has ${MOST} consents that wait for their users; begin one when the user asks for it, and no sooner`,
    waiting,
    now,
  );
}

function tooMany(detail: string, waiting: readonly Waiting[], now: number): Problem {
  const known = waiting.map(({ endsAt }) => endsAt).filter(Number.isFinite);
  const first = known.length === 0 ? now : Math.min(...known);
  const headers = { 'retry-after': String(Math.max(1, Math.ceil((first - now) / SECOND))) };
  return new Problem(429, 'too-many-consents', detail, { headers });
}
