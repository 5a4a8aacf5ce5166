import { EdgeError, type PluginContext, type Secret } from '../../model/index.ts';
import type { Provider } from '../contract.ts';
import { KeyApi } from '../key-api.ts';
import { checkSearch, DASHBOARD, meaning } from './answers.ts';
import { malformed, mismatch } from './key.ts';
import { REQUESTS_PER_MINUTE, type StockflowConfig } from './schema.ts';

const SEARCH = '/v2/search';
/** A page of 50 results with their metadata, and room to spare. */
const ANSWER_BYTES = 1024 * 1024;

/** StockFlow, by its public page and by what is assumed beyond it. It makes no keys and shows no log. */
export function create(context: PluginContext<StockflowConfig>): Provider {
  return new Stockflow(context);
}

class Stockflow implements Provider {
  readonly malformed = malformed;
  readonly mismatch = mismatch;
  readonly #api: KeyApi;

  constructor(context: PluginContext<StockflowConfig>) {
    const { tier } = context.config;
    this.#api = new KeyApi(context, {
      vendor: 'StockFlow',
      requestsPerMinute: typeof tier === 'string' ? REQUESTS_PER_MINUTE[tier] : tier.requestsPerMinute,
      malformed,
      meaning,
    });
  }

  /** Also keeps the key alive: every accepted request starts its 90 days anew. */
  async verify(key: Secret, { urgent = false } = {}) {
    const response = await this.#api.send(key, {
      method: 'POST',
      path: SEARCH,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'keywarden' }),
      maxBytes: ANSWER_BYTES,
      urgent,
      expected: [200],
    });
    checkSearch(`POST ${SEARCH}`, response);
    return { keyId: null };
  }

  async mint(): Promise<never> {
    throw madeByHand();
  }

  parseMint(): never {
    throw madeByHand();
  }

  async readLog(): Promise<never> {
    throw notSupported('StockFlow has no log of its keys’ use; take the monitor out of the configuration');
  }

  seenClock() {
    return this.#api.seenClock();
  }

  async close(): Promise<void> {
    this.#api.close();
  }
}

function madeByHand(): EdgeError {
  const how = `a person makes the new key in ${DASHBOARD} and hands it over by keywarden import NAME`;
  return notSupported(`StockFlow has no call that makes keys: ${how}`);
}

function notSupported(message: string): EdgeError {
  return new EdgeError({ code: 'not_supported', verdict: 'permanent', message });
}
