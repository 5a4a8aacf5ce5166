import { plaintextFault } from '../model/fields.ts';
import {
  EdgeError,
  type NetRequest,
  type NetResponse,
  type PluginContext,
  SECOND,
  type Secret,
} from '../model/index.ts';
import { type Meaning, refusal, unusableAnswer } from './answers.ts';
import type { SeenClock } from './contract.ts';
import { RateLimit } from './rate-limit.ts';
import { seenClock } from './seen-clock.ts';
import { Throttle } from './throttle.ts';

/** After a 429 that does not say how long. */
const UNSAID_WAIT = 10 * SECOND;

/** The part of a provider's configuration that its calls follow. */
export type KeyApiConfig = {
  readonly apiUrl: string;
  readonly allowPlaintextLoopback: boolean;
  /** Of a call, and the longest wait for the rate limit before it; ms. */
  readonly timeout: number;
  /** Of the key's limit that ordinary calls may use, (0 to 1]. */
  readonly rateShare: number;
};

/** How one vendor's API differs from another's. */
export type KeyApiManner = {
  readonly vendor: string;
  /** Calls a minute that a key is allowed. */
  readonly requestsPerMinute: number;
  malformed(key: Secret): string | null;
  /** What an answer means that is none of those a call expects. */
  meaning(target: string, response: NetResponse): Meaning;
};

export type KeyCall = {
  readonly method: NetRequest['method'];
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly maxBytes: number;
  readonly urgent: boolean;
  /** Statuses that are answers; every other is a failure. */
  readonly expected: readonly number[];
};

/** Calls of an API that takes its key as a bearer token: within the key's rate limit, in the clear never. */
export class KeyApi {
  readonly #context: PluginContext<KeyApiConfig>;
  readonly #manner: KeyApiManner;
  readonly #limit: RateLimit;
  readonly #throttle: Throttle;
  #seen: SeenClock | null = null;

  constructor(context: PluginContext<KeyApiConfig>, manner: KeyApiManner) {
    const { config, clock } = context;
    this.#context = context;
    this.#manner = manner;
    this.#limit = new RateLimit(manner.requestsPerMinute, config.rateShare);
    this.#throttle = new Throttle({ limit: this.#limit, clock, patienceMs: config.timeout });
  }

  /**
   * The answer, where its status is one of those expected. A provider that asks for a wait is not called with that key
   * before it is over.
   *
   * @throws {EdgeError} `plaintext_refused` or `malformed_key`, permanent, where nothing was sent; what the throttle and
   * the connection throw; else by the answer's meaning
   */
  async send(key: Secret, call: KeyCall): Promise<NetResponse> {
    const { config, net, clock, hash } = this.#context;
    const target = `${call.method} ${call.path}`;
    const fault = plaintextFault(config.apiUrl, config.allowPlaintextLoopback);
    if (fault !== null) throw notSent('plaintext_refused', target, `apiUrl: ${fault}`);
    const malformed = this.#manner.malformed(key);
    if (malformed !== null) throw notSent('malformed_key', target, malformed);

    const fingerprint = hash.fingerprint(key);
    await this.#throttle.enter(fingerprint, target, call.urgent);
    const query = call.query === undefined ? '' : `?${call.query}`;
    const sent = clock.now();
    const response = await net.request({
      method: call.method,
      url: `${config.apiUrl}${call.path}${query}`,
      headers: { ...call.headers, accept: 'application/json', authorization: `Bearer ${key.reveal()}` },
      deadlineMs: config.timeout,
      maxBytes: call.maxBytes,
      ...(call.body === undefined ? {} : { body: call.body }),
    });
    this.#seen = seenClock(response, clock, sent);
    const remaining = response.headers['x-ratelimit-remaining'] ?? '';
    if (/^\d{1,9}$/.test(remaining)) this.#limit.told(fingerprint, clock.monotonic(), Number(remaining));
    if (call.expected.includes(response.status)) return response;
    throw this.#refused(fingerprint, target, response);
  }

  /** What the provider last said is left of the key's rate limit; null where it never told. */
  remaining(key: Secret): number | null {
    return this.#limit.remaining(this.#context.hash.fingerprint(key));
  }

  /** See {@link import('./contract.ts').Provider.seenClock}. */
  seenClock(): SeenClock | null {
    return this.#seen;
  }

  /** Ends every wait. */
  close(): void {
    this.#throttle.close();
  }

  #refused(fingerprint: string, target: string, response: NetResponse): EdgeError {
    const { vendor } = this.#manner;
    const { status } = response;
    if (status >= 200 && status < 400) {
      return unusableAnswer(vendor, target, `status ${status} was not expected`);
    }
    const { clock } = this.#context;
    const error = refusal(vendor, target, response, this.#manner.meaning(target, response), clock.now());
    const { verdict, retryAfterMs } = error.failure;
    if (status === 429) this.#limit.refused(fingerprint, clock.monotonic(), retryAfterMs ?? UNSAID_WAIT);
    else if (verdict === 'rejected') this.#limit.hold(fingerprint, clock.monotonic(), retryAfterMs ?? 0);
    return error;
  }
}

function notSent(code: string, target: string, why: string): EdgeError {
  return new EdgeError({ code, verdict: 'permanent', message: `${target} was not sent: ${why}` });
}
