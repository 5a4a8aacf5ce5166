import { plaintextFault } from '../../model/fields.ts';
import {
  EdgeError,
  formatTime,
  type NetRequest,
  type NetResponse,
  type PluginContext,
  SECOND,
  Secret,
} from '../../model/index.ts';
import type { Provider } from '../contract.ts';
import { RateLimit } from '../rate-limit.ts';
import { Throttle } from '../throttle.ts';
import { KEY, parseMint, parsePage, refusalOf, unusable } from './answers.ts';
import { isIdentifier } from './log-event.ts';
import { type FrameflowConfig, REQUESTS_PER_MINUTE } from './schema.ts';

const ROTATE = '/v1/auth/rotate';
const LOGS = '/v1/auth/logs';
const MOST_PER_PAGE = 1_000;
const LOG_PAGE_BYTES = 8 * 1024 * 1024;
const ANSWER_BYTES = 64 * 1024;
/** After a 429 that does not say how long. */
const UNSAID_WAIT = 10 * SECOND;

export type FrameflowProvider = Provider & {
  /** What FrameFlow last said is left of the key's rate limit, for the metric; null where it never told. */
  remaining(key: Secret): number | null;
};

type Call = {
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

/** FrameFlow, by its public page and by what is assumed beyond it. */
export function create(context: PluginContext<FrameflowConfig>): FrameflowProvider {
  return new Frameflow(context);
}

class Frameflow implements FrameflowProvider {
  readonly #context: PluginContext<FrameflowConfig>;
  readonly #limit: RateLimit;
  readonly #throttle: Throttle;

  constructor(context: PluginContext<FrameflowConfig>) {
    const { config, clock } = context;
    const { tier } = config;
    const perMinute = typeof tier === 'string' ? REQUESTS_PER_MINUTE[tier] : tier.requestsPerMinute;
    this.#context = context;
    this.#limit = new RateLimit(perMinute, config.rateShare);
    this.#throttle = new Throttle({ limit: this.#limit, clock, patienceMs: config.timeout });
  }

  malformed(key: Secret): string | null {
    if (KEY.test(key.reveal())) return null;
    return 'a FrameFlow key is ff_live_ followed by 16 to 64 letters and digits; this value is something else';
  }

  async mint(key: Secret, { idempotencyKey, trigger }: Parameters<Provider['mint']>[1]) {
    const { body } = await this.#call(key, {
      method: 'POST',
      path: ROTATE,
      headers: { 'idempotency-key': idempotencyKey, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: trigger }),
      maxBytes: ANSWER_BYTES,
      urgent: trigger === 'emergency',
      expected: [201, 200],
    });
    return { raw: Secret.from(body) };
  }

  parseMint(answer: Secret, signer?: Secret) {
    return parseMint(answer, signer);
  }

  async verify(key: Secret, { urgent = false } = {}) {
    const response = await this.#call(key, {
      method: 'GET',
      path: LOGS,
      query: new URLSearchParams({ limit: '1' }),
      maxBytes: ANSWER_BYTES,
      urgent,
      expected: [200],
    });
    // A 200 that is no page comes from something other than FrameFlow and proves nothing of the key.
    parsePage(`GET ${LOGS}`, response, { cursor: null });
    const keyId = response.headers['x-key-id'];
    return { keyId: isIdentifier(keyId) ? keyId : null };
  }

  async readLog(key: Secret, query: Parameters<Provider['readLog']>[1]) {
    const limit = Math.min(Math.max(1, Math.trunc(query.limit)), MOST_PER_PAGE);
    const search = new URLSearchParams({ limit: String(limit) });
    if (query.cursor !== null) search.set('cursor', query.cursor);
    else if (query.since !== null) search.set('since', formatTime(query.since));
    const response = await this.#call(key, {
      method: 'GET',
      path: LOGS,
      query: search,
      maxBytes: LOG_PAGE_BYTES,
      urgent: false,
      expected: [200],
    });
    return parsePage(`GET ${LOGS}`, response, query);
  }

  remaining(key: Secret): number | null {
    return this.#limit.remaining(this.#context.hash.fingerprint(key));
  }

  async close(): Promise<void> {
    this.#throttle.close();
  }

  async #call(key: Secret, call: Call): Promise<NetResponse> {
    const { config, net, clock, hash } = this.#context;
    const target = `${call.method} ${call.path}`;
    const fault = plaintextFault(config.apiUrl, config.allowPlaintextLoopback);
    if (fault !== null) throw notSent('plaintext_refused', target, `apiUrl: ${fault}`);
    const malformed = this.malformed(key);
    if (malformed !== null) throw notSent('malformed_key', target, malformed);

    const fingerprint = hash.fingerprint(key);
    await this.#throttle.enter(fingerprint, target, call.urgent);
    const query = call.query === undefined ? '' : `?${call.query}`;
    const response = await net.request({
      method: call.method,
      url: `${config.apiUrl}${call.path}${query}`,
      headers: { ...call.headers, accept: 'application/json', authorization: `Bearer ${key.reveal()}` },
      deadlineMs: config.timeout,
      maxBytes: call.maxBytes,
      ...(call.body === undefined ? {} : { body: call.body }),
    });
    const remaining = response.headers['x-ratelimit-remaining'] ?? '';
    if (/^\d{1,9}$/.test(remaining)) this.#limit.told(fingerprint, clock.monotonic(), Number(remaining));
    if (call.expected.includes(response.status)) return response;
    if (response.status >= 200 && response.status < 400) {
      throw unusable(target, `status ${response.status} was not expected`);
    }
    const refusal = refusalOf(target, response, clock.now());
    if (response.status === 429) {
      this.#limit.refused(fingerprint, clock.monotonic(), refusal.failure.retryAfterMs ?? UNSAID_WAIT);
    }
    throw refusal;
  }
}

function notSent(code: string, target: string, why: string): EdgeError {
  return new EdgeError({ code, verdict: 'permanent', message: `${target} was not sent: ${why}` });
}
