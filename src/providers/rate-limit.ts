/** How one key's allowance stands. Counts may go below zero: what is reserved by calls that still wait. */
type Bucket = {
  /** Left of Keywarden's share. */
  share: number;
  /** Left of the key's whole limit, as far as our own calls go. */
  whole: number;
  /** To when both were last filled up, monotonic ms. In the future while the provider has told us to wait. */
  filledAt: number;
  /** What the provider last said is left of the whole limit. */
  remaining: number | null;
};

/** What {@link RateLimit.reserve} grants: a wait in ms, or none where that would be longer than the caller's patience. */
export type Grant =
  | { readonly granted: true; readonly waitMs: number }
  | { readonly granted: false; readonly waitMs: number };

const MINUTE = 60_000;
/** Keys come and go by rotation; what was forgotten starts with a full bucket. */
const MOST_KEYS = 256;

/**
 * A provider's rate limit per key as token buckets that hold a minute's worth.
 * An ordinary call needs a token of Keywarden's share and one of the whole limit; an urgent one only the latter.
 * Calls are served in the order in which they reserve. Pure: `now` is monotonic ms, keys are named by fingerprint.
 *
 * @example
 * const limit = new RateLimit(120, 0.1);
 * limit.reserve('a1b2c3', now, { urgent: false, patienceMs: 10_000 }); // { granted: true, waitMs: 0 }
 */
export class RateLimit {
  readonly #whole: number;
  readonly #share: number;
  readonly #buckets = new Map<string, Bucket>();

  /** `perMinute` is the key's limit; `share` (0 to 1] what Keywarden may use of it, one call a minute at least. */
  constructor(perMinute: number, share: number) {
    this.#whole = perMinute;
    this.#share = Math.max(1, perMinute * share);
  }

  /** Takes a token now or ahead of time. Nothing is taken where it is not granted. */
  reserve(
    key: string,
    now: number,
    { urgent, patienceMs }: { readonly urgent: boolean; readonly patienceMs: number },
  ): Grant {
    const bucket = this.#fill(key, now);
    const waitMs = Math.ceil(
      this.blockedMs(key, now) +
        Math.max(untilOne(bucket.whole, this.#whole), urgent ? 0 : untilOne(bucket.share, this.#share)),
    );
    if (waitMs > patienceMs) return { granted: false, waitMs };
    bucket.whole -= 1;
    if (!urgent) bucket.share -= 1;
    return { granted: true, waitMs };
  }

  /** The provider refused a call for the limit's sake: nothing is left until it says, and then one call's worth. */
  refused(key: string, now: number, retryAfterMs: number): void {
    this.hold(key, now, retryAfterMs);
    const bucket = this.#fill(key, now);
    bucket.whole = Math.min(bucket.whole, 1);
    bucket.share = Math.min(bucket.share, 1);
    bucket.remaining = 0;
  }

  /** The provider wants no call with this key for so long, for whatever reason. */
  hold(key: string, now: number, ms: number): void {
    const bucket = this.#fill(key, now);
    bucket.filledAt = Math.max(bucket.filledAt, now + ms);
  }

  /** How long the provider still wants no call at all, ms: a call that waited asks again before it goes. */
  blockedMs(key: string, now: number): number {
    return Math.max(0, (this.#buckets.get(key)?.filledAt ?? now) - now);
  }

  /** Notes the provider's own count (`X-RateLimit-Remaining`). */
  told(key: string, now: number, remaining: number): void {
    this.#fill(key, now).remaining = remaining;
  }

  /** The provider's own count, null where it never told one. */
  remaining(key: string): number | null {
    return this.#buckets.get(key)?.remaining ?? null;
  }

  #fill(key: string, now: number): Bucket {
    const known = this.#buckets.get(key);
    if (known === undefined) {
      const [oldest] = this.#buckets.keys();
      if (this.#buckets.size >= MOST_KEYS && oldest !== undefined) this.#buckets.delete(oldest);
      const fresh = { share: this.#share, whole: this.#whole, filledAt: now, remaining: null };
      this.#buckets.set(key, fresh);
      return fresh;
    }
    const elapsed = now - known.filledAt;
    if (elapsed > 0) {
      known.share = Math.min(this.#share, known.share + (elapsed * this.#share) / MINUTE);
      known.whole = Math.min(this.#whole, known.whole + (elapsed * this.#whole) / MINUTE);
      known.filledAt = now;
    }
    return known;
  }
}

/** Ms until a bucket with `tokens` that gains `perMinute` holds one. */
function untilOne(tokens: number, perMinute: number): number {
  return tokens >= 1 ? 0 : ((1 - tokens) * MINUTE) / perMinute;
}
