import { formatTime, type PluginContext, Secret } from '../../model/index.ts';
import type { Provider } from '../contract.ts';
import { KeyApi } from '../key-api.ts';
import { KEY, meaning, parseMint, parsePage } from './answers.ts';
import { isIdentifier } from './log-event.ts';
import { type FrameflowConfig, REQUESTS_PER_MINUTE } from './schema.ts';

const ROTATE = '/v1/auth/rotate';
const LOGS = '/v1/auth/logs';
const MOST_PER_PAGE = 1_000;
const LOG_PAGE_BYTES = 8 * 1024 * 1024;
const ANSWER_BYTES = 64 * 1024;

export type FrameflowProvider = Provider & {
  /** What FrameFlow last said is left of the key's rate limit, for the metric; null where it never told. */
  remaining(key: Secret): number | null;
};

/** FrameFlow, by its public page and by what is assumed beyond it. */
export function create(context: PluginContext<FrameflowConfig>): FrameflowProvider {
  return new Frameflow(context);
}

class Frameflow implements FrameflowProvider {
  readonly #api: KeyApi;

  constructor(context: PluginContext<FrameflowConfig>) {
    const { tier } = context.config;
    this.#api = new KeyApi(context, {
      vendor: 'FrameFlow',
      requestsPerMinute: typeof tier === 'string' ? REQUESTS_PER_MINUTE[tier] : tier.requestsPerMinute,
      malformed: (key) => this.malformed(key),
      meaning,
    });
  }

  malformed(key: Secret): string | null {
    if (KEY.test(key.reveal())) return null;
    return 'a FrameFlow key is ff_live_ followed by 16 to 64 letters and digits; this value is something else';
  }

  /** FrameFlow knows one kind of key. */
  mismatch(): null {
    return null;
  }

  async mint(key: Secret, { idempotencyKey, trigger }: Parameters<Provider['mint']>[1]) {
    const { body } = await this.#api.send(key, {
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
    const response = await this.#api.send(key, {
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
    const response = await this.#api.send(key, {
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
    return this.#api.remaining(key);
  }

  seenClock() {
    return this.#api.seenClock();
  }

  async close(): Promise<void> {
    this.#api.close();
  }
}
