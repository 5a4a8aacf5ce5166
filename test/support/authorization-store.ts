import { type Adapter, errors, type Stored } from 'oidc-provider';

/** Kinds of objects that end with their grant. */
const GRANTED = ['AccessToken', 'AuthorizationCode', 'RefreshToken'];

type Kept = { payload: Stored; consumedAt: number | null };

/**
 * Where the tests' authorization server keeps everything. A refresh token is consumed in one step: of two requests that
 * present it at the same time one is refused and the whole grant revoked, which the provider's own reading and then
 * writing would not notice.
 */
export class AuthorizationStore {
  /** How long a rotated refresh token is accepted again, ms. */
  grace = 0;
  readonly #kept = new Map<string, Kept>();
  readonly #byUid = new Map<string, string>();
  readonly #revoked = new Set<string>();

  /** Grants that were ended: by a user, or because a refresh token was used twice. */
  get revokedGrants(): number {
    return this.#revoked.size;
  }

  /** For oidc-provider's `adapter`. */
  readonly adapter = (kind: string): Adapter => ({
    upsert: async (id, payload) => {
      this.#kept.set(`${kind}:${id}`, { payload, consumedAt: null });
      if (typeof payload.uid === 'string') this.#byUid.set(payload.uid, id);
    },
    find: async (id) => {
      const found = this.#find(kind, id);
      // As a database answers: a turn later, when others have read the same.
      await new Promise(setImmediate);
      return found;
    },
    findByUid: async (uid) => this.#find(kind, this.#byUid.get(uid) ?? ''),
    findByUserCode: async () => undefined,
    consume: async (id) => this.#consume(kind, id),
    destroy: async (id) => {
      this.#kept.delete(`${kind}:${id}`);
    },
    revokeByGrantId: async (grantId) => {
      this.#revoked.add(grantId);
    },
  });

  #find(kind: string, id: string): Stored | undefined {
    const kept = this.#kept.get(`${kind}:${id}`);
    const grantId = kept?.payload.grantId ?? '';
    if (kept === undefined || (GRANTED.includes(kind) && this.#revoked.has(grantId))) return undefined;
    const { payload, consumedAt } = kept;
    if (consumedAt === null || this.#withinGrace(kind, consumedAt)) return payload;
    return { ...payload, consumed: Math.floor(consumedAt / 1_000) };
  }

  #consume(kind: string, id: string): void {
    const kept = this.#kept.get(`${kind}:${id}`);
    if (kept === undefined) throw new errors.InvalidGrant('it is gone');
    if (kept.consumedAt === null) kept.consumedAt = Date.now();
    else if (!this.#withinGrace(kind, kept.consumedAt)) {
      this.#revoked.add(kept.payload.grantId ?? '');
      throw new errors.InvalidGrant('it was used at this very moment by another request');
    }
  }

  #withinGrace(kind: string, consumedAt: number): boolean {
    return kind === 'RefreshToken' && Date.now() - consumedAt < this.grace;
  }
}
