import type { Account, Key } from './account.ts';
import { type Call, json, objectIn, type Reply } from './http.ts';
import { Idempotency } from './idempotency.ts';
import { token } from './random.ts';
import type { Settings } from './settings.ts';

/** The first answer to a mint, as a replay gives it again. */
type Minted = { readonly reply: Reply; readonly mintedKeyId: string; readonly requestId: string };

export type RotateOutcome =
  | Minted
  | { readonly refusal: { readonly status: number; readonly code: string; readonly message: string } };

const REASONS: readonly unknown[] = [undefined, 'scheduled', 'manual', 'emergency'];

/** POST /v1/auth/rotate, for a request that was let in. */
export class Rotate {
  readonly #account: Account;
  readonly #settings: Settings;
  readonly #now: () => number;
  readonly #ledger = new Idempotency<Minted>();

  constructor(account: Account, settings: Settings, now: () => number) {
    this.#account = account;
    this.#settings = settings;
    this.#now = now;
  }

  async handle(call: Call, signer: Key, requestId: string): Promise<RotateOutcome> {
    const idempotencyKey = call.headers['idempotency-key'];
    const fault = fault400(call, idempotencyKey);
    if (fault !== null) return refuse(400, fault.code, fault.message);
    if (typeof idempotencyKey !== 'string' || !this.#settings.idempotency) {
      await call.pause();
      return this.#mint(call, signer, requestId);
    }
    const claim = this.#ledger.claim(signer.id, idempotencyKey, this.#now());
    if (claim.kind === 'in-progress') {
      return refuse(409, 'in_progress', 'The first request with this Idempotency-Key is still in process.');
    }
    if (claim.kind === 'replay') return replayed(claim.result);
    try {
      await call.pause();
      const minted = this.#mint(call, signer, requestId);
      if ('refusal' in minted) claim.abandon();
      else claim.finish(minted);
      return minted;
    } catch (error) {
      claim.abandon();
      throw error;
    }
  }

  #mint(call: Call, admitted: Key, requestId: string): RotateOutcome {
    const now = this.#now();
    const current = this.#account.get(admitted.id) ?? admitted;
    if (this.#account.state(current, now) === 'expired') {
      return refuse(401, 'key_expired', 'This key is no longer valid.');
    }
    const value = call.mintAs ?? `ff_live_${token(32)}`;
    const { signer, minted } = this.#account.rotate(admitted.id, { id: `key_${token(8)}`, value }, now);
    const reply = json(201, {
      key_id: minted.id,
      key: minted.value,
      tier: this.#settings.tierName,
      created_at: time(minted.createdAt),
      previous_key: {
        key_id: signer.id,
        rotated_at: time(signer.firstRotatedAt ?? now),
        expires_at: time(this.#account.expiresAt(signer) ?? now),
      },
      request_id: requestId,
    });
    return { reply, mintedKeyId: minted.id, requestId };
  }
}

function fault400(
  call: Call,
  idempotencyKey: string | string[] | undefined,
): { code: string; message: string } | null {
  if (idempotencyKey !== undefined && (idempotencyKey === '' || idempotencyKey.length > 64)) {
    return { code: 'invalid_idempotency_key', message: 'Idempotency-Key has 1 to 64 characters.' };
  }
  if (call.body.length === 0) return null;
  const body = objectIn(call.body);
  if (body === null) return { code: 'invalid_body', message: 'The body is no JSON object.' };
  if (REASONS.includes(body.reason)) return null;
  return { code: 'invalid_reason', message: 'reason is scheduled, manual or emergency.' };
}

function replayed(minted: Minted): RotateOutcome {
  const headers = { ...minted.reply.headers, 'idempotent-replayed': 'true' };
  return { ...minted, reply: { ...minted.reply, headers } };
}

function refuse(status: number, code: string, message: string): RotateOutcome {
  return { refusal: { status, code, message } };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
