import { type Clock, EdgeError, formatDuration } from '../model/index.ts';
import type { RateLimit } from './rate-limit.ts';

export type ThrottleOptions = {
  readonly limit: RateLimit;
  readonly clock: Clock;
  /** The longest wait, ms. */
  readonly patienceMs: number;
};

/** Lets calls wait in order for their token of a {@link RateLimit}. */
export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #waiting = new Set<() => void>();

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /**
   * Resolves once a call with the key of this fingerprint may go out.
   *
   * @throws {EdgeError} `rate_limited`, retryable: the wait would be too long, and `retryAfterMs` says how long;
   * `closed` where {@link close} came first
   */
  async enter(fingerprint: string, target: string, urgent: boolean): Promise<void> {
    const { limit, clock, patienceMs } = this.#options;
    const { granted, waitMs } = limit.reserve(fingerprint, clock.monotonic(), { urgent, patienceMs });
    if (!granted) {
      const told = limit.blockedMs(fingerprint, clock.monotonic()) > 0;
      throw told ? toldToWait(target, waitMs) : noRoom(target, waitMs);
    }
    let waited = 0;
    let next = waitMs;
    while (next > 0) {
      await this.#wait(next, target);
      waited += next;
      // Another call may have been refused meanwhile.
      next = limit.blockedMs(fingerprint, clock.monotonic());
      if (waited + next > patienceMs) throw toldToWait(target, next);
    }
  }

  /** Ends every wait. */
  close(): void {
    for (const end of this.#waiting) end();
  }

  #wait(ms: number, target: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        cancel();
        this.#waiting.delete(end);
        const message = `${target} was not sent: the provider's connection was closed`;
        reject(new EdgeError({ code: 'closed', verdict: 'retryable', message }));
      };
      const cancel = this.#options.clock.after(ms, () => {
        this.#waiting.delete(end);
        resolve();
      });
      this.#waiting.add(end);
    });
  }
}

function noRoom(target: string, waitMs: number): EdgeError {
  const room = `the key's rate limit leaves no room for ${formatDuration(waitMs)}`;
  return limited(waitMs, `${target} was not sent: ${room}; waiting, or raise rateShare`);
}

function toldToWait(target: string, waitMs: number): EdgeError {
  const asked = `the provider asked for no call with this key for another ${formatDuration(waitMs)}`;
  return limited(waitMs, `${target} was not sent: ${asked}; waiting`);
}

function limited(retryAfterMs: number, message: string): EdgeError {
  return new EdgeError({ code: 'rate_limited', verdict: 'retryable', retryAfterMs, message });
}
