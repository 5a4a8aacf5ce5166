import { DAY, EdgeError, formatTime, type Verdict } from '../../src/model/index.ts';
import { AuthLog } from './auth-log.ts';
import { Stream } from './streams.ts';

/** A key as the provider knows it: the truth. */
export type Key = {
  readonly id: string;
  readonly value: string;
  readonly mintedAt: number;
  readonly signer: string | null;
  /** `us`: by a call of one of our engines, whatever became of the answer. */
  readonly by: 'first' | 'us' | 'others';
  /** Accepted everywhere from then on. */
  settledAt: number;
  /** First rotated. */
  rotatedAt: number | null;
  /** Still valid until then. */
  endsAt: number | null;
  /** Ended by the provider or in its console, before its time. */
  revokedAt: number | null;
};

export type IssuerOptions = {
  readonly seed: number;
  readonly overlap: number;
  readonly remembers: boolean;
  readonly settles: number;
  readonly now: () => number;
  /** Told of every key's end, once it is known. */
  readonly onEnding: (key: Key) => void;
};

const MEMORY = DAY;

/** FrameFlow as its contract describes it: keys, their ends, and the log. It never fails; faults are put around it. */
export class Issuer {
  readonly log = new AuthLog();
  readonly keys = new Map<string, Key>();
  readonly first: Key;
  readonly #options: IssuerOptions;
  readonly #values = new Map<string, Key>();
  readonly #memory = new Map<string, { readonly at: number; readonly answer: string }>();
  readonly #stream: Stream;

  constructor(options: IssuerOptions) {
    this.#options = options;
    this.#stream = new Stream(options.seed, 'issuer');
    this.first = this.#make(null, 'first', options.now() - DAY);
    this.first.settledAt = 0;
  }

  /** The body of the answer. @throws {EdgeError} `rejected` */
  rotate(value: string, idempotencyKey: string | null, by: Key['by']): string {
    const now = this.#options.now();
    const signer = this.#authenticated(value, '/v1/auth/rotate');
    const remembered = `${signer.id} ${idempotencyKey}`;
    const known = this.#memory.get(remembered);
    if (idempotencyKey !== null && known !== undefined && now - known.at < MEMORY) return known.answer;
    const key = this.#make(signer.id, by, now);
    if (signer.rotatedAt === null) {
      signer.rotatedAt = now;
      signer.endsAt = now + this.#options.overlap;
      this.#options.onEnding(signer);
    }
    this.#note(signer.id, 'POST', '/v1/auth/rotate', 201, key.id);
    const answer = JSON.stringify({
      key_id: key.id,
      key: key.value,
      created_at: formatTime(now),
      previous_key: {
        key_id: signer.id,
        rotated_at: formatTime(signer.rotatedAt),
        expires_at: formatTime(signer.endsAt ?? now),
      },
    });
    if (this.#options.remembers && idempotencyKey !== null) this.#memory.set(remembered, { at: now, answer });
    return answer;
  }

  /** A call of an application. True where it is accepted. */
  use(value: string | null, from: string): boolean {
    const key = value === null ? undefined : this.#values.get(value);
    const accepted = key !== undefined && this.accepts(key);
    this.#note(key?.id ?? null, 'GET', '/v1/footage', accepted ? 200 : 401, null, from);
    return accepted;
  }

  /** The id of the accepted key. @throws {EdgeError} `rejected` */
  verify(value: string): string {
    const key = this.#values.get(value);
    if (key === undefined || !(this.accepts(key) || this.#acceptsSomewhere(key)))
      throw refused('unauthorized', 'rejected', 'the key is not accepted');
    return key.id;
  }

  /** A key made in the console: nobody's successor. It works at once. */
  makeByHand(): Key {
    const key = this.#make(null, 'first', this.#options.now());
    key.settledAt = key.mintedAt;
    return key;
  }

  revoke(key: Key): void {
    key.revokedAt ??= this.#options.now();
  }

  byValue(value: string): Key | null {
    return this.#values.get(value) ?? null;
  }

  accepts(key: Key, at = this.#options.now()): boolean {
    return at >= key.settledAt && this.isLive(key, at);
  }

  isLive({ mintedAt, endsAt, revokedAt }: Key, at = this.#options.now()): boolean {
    return at >= mintedAt && (endsAt === null || at < endsAt) && (revokedAt === null || at < revokedAt);
  }

  /** A fresh key is known at one node and not yet at another. */
  #acceptsSomewhere(key: Key): boolean {
    const now = this.#options.now();
    const { settles } = this.#options;
    const about = now < key.mintedAt + settles && now > key.mintedAt + settles / 2;
    return about && this.isLive(key) && this.#stream.chance(0.5);
  }

  #authenticated(value: string, path: string): Key {
    const key = this.#values.get(value);
    if (key !== undefined && this.accepts(key)) return key;
    this.#note(key?.id ?? null, 'POST', path, 401, null);
    throw refused('unauthorized', 'rejected', 'the key is not accepted');
  }

  #make(signer: string | null, by: Key['by'], mintedAt: number): Key {
    const number = this.keys.size + 1;
    const tail = Math.floor(this.#stream.next() * 36 ** 8)
      .toString(36)
      .padStart(8, '0');
    const key: Key = {
      id: `key_${number}`,
      value: `ff_live_${String(number).padStart(10, '0')}${tail}`,
      mintedAt,
      signer,
      by,
      settledAt: mintedAt + this.#options.settles,
      rotatedAt: null,
      endsAt: null,
      revokedAt: null,
    };
    this.keys.set(key.id, key);
    this.#values.set(key.value, key);
    return key;
  }

  #note(
    keyId: string | null,
    method: string,
    path: string,
    status: number,
    minted: string | null,
    ip = '203.0.113.9',
  ) {
    const late = this.#stream.chance(0.3) ? this.#stream.whole(0, 300_000) : 0;
    const time = this.#options.now();
    this.log.add({ time, keyId, ip, method, path, status, userAgent: 'sim', mintedKeyId: minted }, late);
  }
}

/** What an edge throws. */
export function refused(code: string, verdict: Verdict, message: string, retryAfterMs?: number): EdgeError {
  return new EdgeError({ code, verdict, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}
