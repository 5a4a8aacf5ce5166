/** What the ledger says of one Idempotency-Key. */
export type Claim<T> =
  | { readonly kind: 'new'; finish(result: T): void; abandon(): void }
  | { readonly kind: 'in-progress' }
  | { readonly kind: 'replay'; readonly result: T };

const LIFE = 24 * 3_600_000;

type Slot<T> = { readonly claimedAt: number; readonly result: T | null };

/** First answers by signing key and Idempotency-Key, kept for 24 hours after the request. Pure: time comes in. */
export class Idempotency<T> {
  readonly #slots = new Map<string, Slot<T>>();

  claim(signerId: string, idempotencyKey: string, now: number): Claim<T> {
    for (const [name, slot] of this.#slots) {
      if (slot.result === null || now - slot.claimedAt < LIFE) break;
      this.#slots.delete(name);
    }
    const name = `${signerId} ${idempotencyKey}`;
    const slot = this.#slots.get(name);
    if (slot?.result === null) return { kind: 'in-progress' };
    if (slot !== undefined && now - slot.claimedAt < LIFE) return { kind: 'replay', result: slot.result };
    this.#slots.delete(name);
    this.#slots.set(name, { claimedAt: now, result: null });
    return {
      kind: 'new',
      finish: (result) => this.#slots.set(name, { claimedAt: now, result }),
      abandon: () => this.#slots.delete(name),
    };
  }
}
