import type { Failure, Trigger, Verdict } from '../../model/index.ts';
import { DAY, HOUR, Secret } from '../../model/index.ts';
import type { Outcome } from '../situation.ts';

/** A failure with a message of no interest. */
export function failure(verdict: Verdict, code = `test_${verdict}`, retryAfterMs?: number): Failure {
  const message = `the script says ${verdict}`;
  return retryAfterMs === undefined ? { code, verdict, message } : { code, verdict, message, retryAfterMs };
}

/** One request to mint, as the provider saw it. */
export type MintCall = {
  /** 1 for the first request ever. */
  readonly count: number;
  readonly at: number;
  readonly idempotencyKey: string;
  readonly trigger: Trigger;
  readonly signerKeyId: string | null;
};

/**
 * What befalls a request to mint: a failure without effect, an answer that is lost after the effect, an answer that
 * arrives without a usable key after it; null: nothing.
 */
export type MintFault = Failure | 'lost' | 'garbage' | null;

type Key = {
  readonly keyId: string;
  readonly value: string;
  readonly createdAt: number;
  readonly acceptedFrom: number;
  rotatedAt: number | null;
  expiresAt: number | null;
};

type Answer = {
  readonly keyId: string;
  readonly value: string;
  readonly createdAt: number;
  readonly previousRotatedAt: number;
  readonly previousExpiresAt: number;
};

type LogEntry = {
  readonly id: string;
  readonly at: number;
  readonly signerKeyId: string;
  readonly mintedKeyId: string;
};

/** A provider in miniature: keys with an overlap, a propagation delay and a memory of Idempotency-Keys. */
export class FakeProvider {
  readonly calls: MintCall[] = [];
  /** Every rotation, as its log shows it. */
  readonly log: LogEntry[] = [];
  readonly keys = new Map<string, Key>();
  readonly acceptedValues = new Set<string>();
  /** How long an answer is replayed under its Idempotency-Key, ms; 0: the account has no such memory. */
  remembers = 24 * HOUR;
  overlap = 3 * DAY;
  /** How long a fresh key is refused after its mint, ms. */
  propagation = 0;
  /** The script of mints. */
  mints: (call: MintCall) => MintFault = () => null;
  /** The script of tests of a key. */
  tests: (value: string, now: number) => Failure | null = () => null;
  readonly #answers = new Map<string, Answer>();

  /** A key made in the provider's console. */
  issue(value: string, now: number): void {
    const keyId = `key_${this.keys.size + 1}`;
    this.keys.set(value, {
      keyId,
      value,
      createdAt: now,
      acceptedFrom: now,
      rotatedAt: null,
      expiresAt: null,
    });
  }

  /** A key is revoked in the provider's console. @throws {TypeError} for one that it never made */
  revoke(value: string, now: number): void {
    const key = this.keys.get(value);
    if (key === undefined) throw new TypeError(`there is no key ${value}`);
    key.expiresAt = now;
  }

  alive(value: string, now: number): boolean {
    const key = this.keys.get(value);
    return key !== undefined && (key.expiresAt === null || key.expiresAt > now);
  }

  test(value: string, now: number): { keyId: string | null } | { failure: Failure } {
    const fault = this.tests(value, now);
    if (fault !== null) return { failure: fault };
    const key = this.keys.get(value);
    if (key === undefined || !this.alive(value, now) || key.acceptedFrom > now) {
      return { failure: failure('rejected', 'invalid_key') };
    }
    this.acceptedValues.add(value);
    return { keyId: key.keyId };
  }

  mint(signer: string, idempotencyKey: string, trigger: Trigger, now: number): Outcome {
    const call: MintCall = {
      count: this.calls.length + 1,
      at: now,
      idempotencyKey,
      trigger,
      signerKeyId: this.keys.get(signer)?.keyId ?? null,
    };
    this.calls.push(call);
    const fault = this.mints(call);
    if (fault !== null && typeof fault === 'object') return { of: 'mint', failure: fault };
    const answer = this.rotate(signer, idempotencyKey, now);
    if (answer === null) return { of: 'mint', failure: failure('rejected', 'invalid_key') };
    if (fault === 'lost') return { of: 'mint', failure: failure('unknown', 'cut_connection') };
    return { of: 'mint', answer: Secret.from(fault === 'garbage' ? '<html>' : JSON.stringify(answer)) };
  }

  /** Mints the successor of `signer`, or repeats the answer it gave before; null where `signer` is refused. */
  rotate(signer: string, idempotencyKey: string, now: number): Answer | null {
    const key = this.keys.get(signer);
    if (key === undefined || !this.alive(signer, now)) return null;
    const known = this.#answers.get(idempotencyKey);
    if (known !== undefined && now - known.createdAt < this.remembers) return known;
    key.rotatedAt ??= now;
    key.expiresAt ??= now + this.overlap;
    const keyId = `key_${this.keys.size + 1}`;
    const value = `value-of-${keyId}`;
    this.keys.set(value, {
      keyId,
      value,
      createdAt: now,
      acceptedFrom: now + this.propagation,
      rotatedAt: null,
      expiresAt: null,
    });
    const answer: Answer = {
      keyId,
      value,
      createdAt: now,
      previousRotatedAt: key.rotatedAt,
      previousExpiresAt: key.expiresAt,
    };
    this.#answers.set(idempotencyKey, answer);
    this.log.push({ id: `event-${keyId}`, at: now, signerKeyId: key.keyId, mintedKeyId: keyId });
    return answer;
  }
}

/** Reads an answer as the provider's adapter would. */
export function readAnswer(answer: Secret | undefined): Outcome {
  if (answer === undefined) return { of: 'take', failure: failure('unknown', 'no_answer') };
  const text = answer.reveal();
  if (!text.startsWith('{')) return { of: 'take', failure: failure('unknown', 'unusable_answer') };
  const { value, ...minted }: Answer = JSON.parse(text);
  return { of: 'take', taken: { ...minted, value: Secret.from(value), fingerprint: fingerprint(value) } };
}

export function fingerprint(value: string): string {
  return `print of ${value}`;
}
