import { type Clock, type Failure, type Grant, MINUTE } from '../../model/index.ts';

/** For so long the provider is not asked again, ms of steady time. */
const HOLDS = 5 * MINUTE;
/** Of more the oldest are forgotten. */
const MOST = 10_000;

type Refusal = { readonly why: Failure; readonly until: number };

/**
 * Which fewer scopes of a grant the provider does not give: an application that asks for them with each of its calls must not
 * cost a request each time. A new consent may have others.
 */
export class Refusals {
  readonly #clock: Pick<Clock, 'steady'>;
  readonly #refusals = new Map<string, Refusal>();

  constructor(clock: Pick<Clock, 'steady'>) {
    this.#clock = clock;
  }

  note(grant: Grant, scope: string, why: Failure): void {
    const key = keyOf(grant, scope);
    // Again at the end: the oldest stand first.
    this.#refusals.delete(key);
    this.#refusals.set(key, { why, until: this.#clock.steady() + HOLDS });
    for (const [oldest] of this.#refusals) {
      if (this.#refusals.size <= MOST) break;
      this.#refusals.delete(oldest);
    }
  }

  /** Null: nothing is known against them. */
  find(grant: Grant, scope: string): Failure | null {
    const found = this.#refusals.get(keyOf(grant, scope));
    return found === undefined || this.#clock.steady() >= found.until ? null : found.why;
  }
}

function keyOf({ client, subject, consentedAt }: Grant, scope: string): string {
  return JSON.stringify([client, subject, consentedAt, scope]);
}
