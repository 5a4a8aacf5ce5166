/** One API key of the FrameFlow account. Times in ms of the sandbox's clock. */
export type Key = {
  readonly id: string;
  readonly value: string;
  readonly name: string | null;
  readonly createdAt: number;
  /** The key that signed its minting; null where a person made it, which is known everywhere at once. */
  readonly mintedBy: string | null;
  /** When it was rotated for the first time: its 72 hours count from here. */
  readonly firstRotatedAt: number | null;
  readonly revokedAt: number | null;
};

export type KeyState = 'active' | 'retiring' | 'expired';

/**
 * The keys of one FrameFlow account and what the clock makes of them. Pure: time and new values come in.
 *
 * A key stays valid for `overlapMs` after its first rotation. Until then it may be rotated again: that mints a
 * further key and neither prolongs its own life nor touches a key minted before.
 */
export class Account {
  readonly #overlapMs: number;
  readonly #byId = new Map<string, Key>();
  readonly #idByValue = new Map<string, string>();

  constructor(overlapMs: number) {
    this.#overlapMs = overlapMs;
  }

  /** A key made by hand in the console. */
  add(key: Pick<Key, 'id' | 'value' | 'name' | 'createdAt'>): Key {
    return this.#put({ ...key, mintedBy: null, firstRotatedAt: null, revokedAt: null });
  }

  /** @throws {RangeError} where the signer is not valid at `now` */
  rotate(signerId: string, minted: Pick<Key, 'id' | 'value'>, now: number): { signer: Key; minted: Key } {
    const signer = this.get(signerId);
    if (signer === undefined || this.state(signer, now) === 'expired') {
      throw new RangeError(`key ${signerId} is not valid and cannot be rotated`);
    }
    return {
      signer: this.#put({ ...signer, firstRotatedAt: signer.firstRotatedAt ?? now }),
      minted: this.#put({
        ...minted,
        name: signer.name,
        createdAt: now,
        mintedBy: signerId,
        firstRotatedAt: null,
        revokedAt: null,
      }),
    };
  }

  /** Ends a key at once, as a person does in the console. False where there is no such key. */
  revoke(id: string, now: number): boolean {
    const key = this.get(id);
    if (key === undefined) return false;
    this.#put({ ...key, revokedAt: key.revokedAt ?? now });
    return true;
  }

  get(id: string): Key | undefined {
    return this.#byId.get(id);
  }

  find(value: string): Key | undefined {
    return this.#byId.get(this.#idByValue.get(value) ?? '');
  }

  all(): Key[] {
    return [...this.#byId.values()];
  }

  state(key: Key, now: number): KeyState {
    const end = this.expiresAt(key);
    if (end === null) return 'active';
    return now < end ? 'retiring' : 'expired';
  }

  /** When the key stops being valid; null where nothing ends it yet. */
  expiresAt(key: Key): number | null {
    const ends = [key.revokedAt, key.firstRotatedAt === null ? null : key.firstRotatedAt + this.#overlapMs];
    const known = ends.filter((end) => end !== null);
    return known.length === 0 ? null : Math.min(...known);
  }

  #put(key: Key): Key {
    this.#byId.set(key.id, key);
    this.#idByValue.set(key.value, key.id);
    return key;
  }
}
