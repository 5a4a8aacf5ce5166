import type { Account, Key } from './account.ts';
import { bearerToken, type Call } from './http.ts';
import { RateLimit, rateLimitHeaders } from './rate-limit.ts';
import type { Settings } from './settings.ts';

/** What FrameFlow's door says of a request. `headers` go onto the answer, whatever it is. */
export type Admission = {
  /** Null where the request bore no key that exists. */
  readonly keyId: string | null;
  readonly headers: Readonly<Record<string, string>>;
} & (
  | { readonly key: Key; readonly refusal: null }
  | {
      readonly key: null;
      readonly refusal: { readonly status: number; readonly code: string; readonly message: string };
    }
);

/** Checks of every request over TLS, in this order: the key, where it comes from, how often. */
export class Gatekeeper {
  readonly #account: Account;
  readonly #settings: Settings;
  readonly #limit = new RateLimit();
  #requests = 0;

  constructor(account: Account, settings: Settings) {
    this.#account = account;
    this.#settings = settings;
  }

  admit(call: Call, ip: string, now: number): Admission {
    const value = bearerToken(call);
    if (value === null) return refused(null, 401, 'missing_key', 'Send Authorization: Bearer ff_live_….');
    const key = this.#account.find(value);
    if (key === undefined) return refused(null, 401, 'invalid_key', 'There is no such key.');
    if (this.#account.state(key, now) === 'expired') {
      return refused(key.id, 401, 'key_expired', 'This key is no longer valid.');
    }
    if (!this.#known(key, now)) return refused(key.id, 401, 'invalid_key', 'There is no such key.');

    const signed = { 'x-key-id': key.id };
    const networks = this.#settings.registeredNetworks;
    if (networks !== null && !networks.has(ip)) {
      return refused(key.id, 403, 'ip_not_allowed', `${ip} is in no registered network.`, signed);
    }
    const allowance = this.#limit.take(key.id, this.#settings.requestsPerMinute, now);
    const headers = { ...signed, ...rateLimitHeaders(allowance) };
    if (allowance.allowed) return { key, keyId: key.id, headers, refusal: null };
    return refused(key.id, 429, 'rate_limited', `More than ${allowance.limit} requests a minute.`, headers);
  }

  /** Nodes take requests in turn, and the nth of them has heard of a fresh key after n shares of the delay. */
  #known(key: Key, now: number): boolean {
    const { nodes, propagationMs } = this.#settings;
    this.#requests += 1;
    const node = this.#requests % nodes;
    return key.mintedBy === null || now >= key.createdAt + (propagationMs * (node + 1)) / nodes;
  }
}

function refused(
  keyId: string | null,
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Admission {
  return { key: null, keyId, headers, refusal: { status, code, message } };
}
