import { MINUTE } from '../../model/index.ts';

/** What may go out at once after a rest, as a part of a minute's worth. */
const BURST = 6;

/** Room for less than this is no reason to look, ms: else a full lane would be looked at for each single request. */
const LOOK_EVERY = 20;

/**
 * A client's requests a minute, as a token bucket. What it holds and what flows in are together no more than the limit
 * in any minute, however that minute is counted. Pure: `now` is steady ms.
 *
 * @example
 * const bucket = new Bucket(120, now);
 * bucket.room(now); // 20
 * bucket.take(now);
 */
export class Bucket {
  readonly #most: number;
  /** A millisecond. */
  readonly #flow: number;
  #tokens: number;
  #filledAt: number;

  constructor(perMinute: number, now: number) {
    this.#most = Math.max(1, perMinute / BURST);
    this.#flow = Math.max(1, perMinute - this.#most) / MINUTE;
    this.#tokens = this.#most;
    this.#filledAt = now;
  }

  /** How many requests may go out now. */
  room(now: number): number {
    this.#fill(now);
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** When there is room for one, and worth a look, in ms. */
  waitMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : Math.max(LOOK_EVERY, Math.ceil((1 - this.#tokens) / this.#flow));
  }

  /** Takes one, now or ahead of time: those that come later wait for it. */
  take(now: number): void {
    this.#fill(now);
    this.#tokens -= 1;
  }

  /** How long what was taken ahead of time is waited for, the last included, ms. */
  aheadMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#flow);
  }

  /** One that was taken was not sent. */
  giveBack(now: number): void {
    this.#fill(now);
    this.#tokens = Math.min(this.#most, this.#tokens + 1);
  }

  #fill(now: number): void {
    const passed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#most, this.#tokens + passed * this.#flow);
    this.#filledAt = now;
  }
}
