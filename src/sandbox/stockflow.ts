import { bearerToken, type Call, type Handler, json, objectIn, type Reply } from './http.ts';
import { token } from './random.ts';
import { RateLimit, rateLimitHeaders } from './rate-limit.ts';
import type { Settings } from './settings.ts';

type Permission = 'read_media' | 'upload_asset' | 'manage_collections';

/** A key made by hand in StockFlow's dashboard. */
export type StockFlowKey = {
  readonly id: string;
  readonly value: string;
  readonly permissions: readonly Permission[];
  readonly createdAt: number;
  /** The last request it was accepted for; its creation before there was one. */
  readonly lastUsedAt: number;
  readonly revoked: boolean;
};

/** What a person chooses in the dashboard. Default: a live key that may read media, made now. */
export type NewStockFlowKey = {
  readonly kind?: 'live' | 'test' | undefined;
  readonly permissions?: readonly Permission[] | undefined;
  /** ms. */
  readonly createdAt?: number | undefined;
};

/** One request as it came in, whatever a fault then made of its answer. */
export type StockFlowRequest = {
  /** ms. */
  readonly time: number;
  /** Null where the key is none that a person made. */
  readonly keyId: string | null;
  readonly status: number;
};

/** Days of inactivity after which a key expires, in ms. */
const INACTIVITY = 90 * 86_400_000;
/** After a failed authentication, s. */
const RETRY_AFTER = '30';
const MOST_REQUESTS = 10_000;

const FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  query: (value) => typeof value === 'string',
  media_type: (value) => ['video', 'photo', 'audio'].some((known) => known === value),
  min_duration_sec: (value) => Number.isInteger(value),
  license: (value) => typeof value === 'string',
  region: (value) => typeof value === 'string',
};

/** StockFlow's API and the part of its dashboard where people make keys. */
export class StockFlow {
  readonly #now: () => number;
  readonly #settings: Pick<Settings, 'stockflowRequestsPerMinute'>;
  readonly #keys = new Map<string, StockFlowKey>();
  readonly #limit = new RateLimit();
  readonly #requests: StockFlowRequest[] = [];

  constructor(now: () => number, settings: Pick<Settings, 'stockflowRequestsPerMinute'>) {
    this.#now = now;
    this.#settings = settings;
  }

  createKey(options: NewStockFlowKey = {}): StockFlowKey {
    const createdAt = options.createdAt ?? this.#now();
    const key: StockFlowKey = {
      id: `sfk_${token(8)}`,
      value: `sk_${options.kind ?? 'live'}_${token(24)}`,
      permissions: options.permissions ?? ['read_media'],
      createdAt,
      lastUsedAt: createdAt,
      revoked: false,
    };
    this.#keys.set(key.value, key);
    return key;
  }

  /** False where there is no such key. */
  revokeKey(id: string): boolean {
    const key = this.keys().find((candidate) => candidate.id === id);
    if (key !== undefined) this.#keys.set(key.value, { ...key, revoked: true });
    return key !== undefined;
  }

  keys(): StockFlowKey[] {
    return [...this.#keys.values()];
  }

  /** Whether requests with this key are accepted now. */
  valid(key: StockFlowKey): boolean {
    return !key.revoked && this.#now() - key.lastUsedAt < INACTIVITY;
  }

  /** The last 10,000, oldest first. */
  requests(): readonly StockFlowRequest[] {
    return this.#requests;
  }

  readonly handle: Handler = (call) => {
    const key = this.#keys.get(bearerToken(call) ?? '');
    const reply = this.#answer(call, key);
    const request = { time: this.#now(), keyId: key?.id ?? null, status: reply.status };
    this.#requests.push(request);
    if (this.#requests.length > MOST_REQUESTS) this.#requests.shift();
    return reply;
  };

  #answer(call: Call, key: StockFlowKey | undefined): Reply {
    const requestId = `req_${token(16)}`;
    if (key === undefined || !this.valid(key)) {
      const why = 'The key is missing, unknown or expired.';
      return problem(401, 'invalid_key', why, requestId, { retry_after: RETRY_AFTER });
    }
    const allowance = this.#limit.take(key.id, this.#settings.stockflowRequestsPerMinute, this.#now());
    const headers = rateLimitHeaders(allowance);
    const refuse = (status: number, code: string, message: string, more = {}) =>
      problem(status, code, message, requestId, { ...headers, ...more });
    if (!allowance.allowed) {
      return refuse(429, 'rate_limited', `More than ${allowance.limit} requests a minute.`);
    }
    if (call.path !== '/v2/search') return refuse(404, 'not_found', 'There is no such endpoint.');
    if (call.method !== 'POST') return refuse(405, 'method_not_allowed', 'Use POST.', { allow: 'POST' });
    if (!key.permissions.includes('read_media')) {
      return refuse(403, 'permission_denied', 'The key lacks the permission read_media.');
    }
    this.#keys.set(key.value, { ...key, lastUsedAt: Math.max(key.lastUsedAt, this.#now()) });
    const wrong = fieldThatIsWrong(call);
    if (wrong !== null) return refuse(400, 'invalid_request', wrong);
    return json(200, { status: 200, request_id: requestId, results: results(), next_page: null }, headers);
  }
}

function fieldThatIsWrong(call: Call): string | null {
  const body = call.tooLarge ? null : objectIn(call.body);
  if (body === null) return 'The body is no JSON object of at most 64 KB.';
  if (body.query === undefined) return 'query is missing.';
  const wrong = Object.entries(FIELDS).find(([name, fits]) => body[name] !== undefined && !fits(body[name]));
  return wrong === undefined ? null : `${wrong[0]} has the wrong form.`;
}

function results(): object[] {
  return ['st_1001', 'st_1002'].map((id) => ({ id, preview_url: `https://cdn.stockflow.example/${id}.mp4` }));
}

function problem(status: number, code: string, message: string, requestId: string, headers = {}): Reply {
  return json(status, { status, error: { code, message }, request_id: requestId }, headers);
}
