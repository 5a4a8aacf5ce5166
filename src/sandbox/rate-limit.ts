/** What a bucket says to one request. Times in whole seconds, as the headers carry them. */
export type Allowance = {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** When the bucket will be full again: Unix time, s. */
  readonly resetAt: number;
  /** How long to wait for the next request; 0 where this one was allowed. */
  readonly retryAfter: number;
};

/** A token bucket a key: a minute's worth at once, refilled evenly. Pure: time comes in. */
export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  take(keyId: string, perMinute: number, now: number): Allowance {
    const perMs = perMinute / 60_000;
    const bucket = this.#buckets.get(keyId) ?? { tokens: perMinute, at: now };
    const refilled = bucket.tokens + Math.max(0, now - bucket.at) * perMs;
    const tokens = Math.min(perMinute, refilled);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - 1 : tokens;
    this.#buckets.set(keyId, { tokens: left, at: now });
    return {
      allowed,
      limit: perMinute,
      remaining: Math.floor(left),
      resetAt: Math.ceil((now + (perMinute - left) / perMs) / 1000),
      retryAfter: allowed ? 0 : Math.max(1, Math.ceil((1 - left) / perMs / 1000)),
    };
  }
}

/** The headers that tell a client where it stands. */
export function rateLimitHeaders(allowance: Allowance): Record<string, string> {
  return {
    'x-ratelimit-limit': String(allowance.limit),
    'x-ratelimit-remaining': String(allowance.remaining),
    'x-ratelimit-reset': String(allowance.resetAt),
    ...(allowance.allowed ? {} : { 'retry-after': String(allowance.retryAfter) }),
  };
}
