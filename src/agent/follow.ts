import { type Clock, type Failure, failureOf, type Log, SECOND } from '../model/index.ts';
import { Bell } from './bell.ts';
import { type Held, isSame } from './held.ts';
import type { Holdings } from './holdings.ts';
import { type Jitter, jittered } from './jitter.ts';
import type { Upstream } from './upstream.ts';

/** How long a request waits for a newer version, ms. */
const WAIT = 30 * SECOND;

export type FollowOptions = {
  readonly credential: string;
  readonly upstream: Pick<Upstream, 'current'>;
  readonly holdings: Holdings;
  readonly clock: Clock;
  readonly jitter: Jitter;
  readonly log: Log;
  /** A newer version is held, or the upstream has said something else of its state. */
  readonly changed: () => void;
};

/** Keeps one credential's version as the upstream has it: one long request after the other, for as long as it runs. */
export class Follower {
  readonly #options: FollowOptions;
  readonly #ask = new Bell();
  #trouble: Failure | null = null;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #attempts = 0;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  /** Why the upstream's word is not known; null where it is. */
  get trouble(): Failure | null {
    return this.#trouble;
  }

  /** When the request began whose answer said last that what is held is current; monotonic ms. */
  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  /** Has the upstream asked at once, whatever is being waited for. */
  askNow(): void {
    this.#ask.ring();
  }

  /** Returns once `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    // The first question, and the first after a failure, waits for nothing: it tells whether the upstream is there.
    let wait = 0;
    while (!signal.aborted) {
      const since = this.#ask.count;
      const begun = this.#options.clock.monotonic();
      const news = await this.#once(wait, since, signal);
      if (news !== 'moved') await this.#rest(news, { wait, begun, since, signal });
      // Where there is no version yet, the first one is waited for.
      const answered = typeof news === 'string' || news.code === 'upstream_without';
      wait = answered && since === this.#ask.count ? WAIT : 0;
    }
  }

  async #rest(
    news: Failure | 'same',
    { wait, begun, since, signal }: { wait: number; begun: number; since: number; signal: AbortSignal },
  ): Promise<void> {
    const { clock, credential, jitter } = this.#options;
    const passed = clock.monotonic() - begun;
    // Something between us and the upstream may not let a request wait: it is not to be asked all the time.
    const early = wait > 0 && passed < SECOND ? SECOND - passed : 0;
    const ms = news === 'same' ? early : jittered(this.#attempts, news, () => jitter('ask', credential));
    if (ms > 0) await this.#ask.wait(since, { signal, after: { clock, ms } });
  }

  async #once(wait: number, since: number, signal: AbortSignal): Promise<Failure | 'same' | 'moved'> {
    const { credential, upstream, holdings, clock } = this.#options;
    const begun = clock.monotonic();
    const asking = new AbortController();
    const over = AbortSignal.any([signal, asking.signal]);
    if (wait > 0) void this.#ask.wait(since, { signal: over }).then(() => asking.abort());
    try {
      const held = holdings.version(credential)?.mark ?? null;
      const answer = await upstream.current({
        credential,
        have: held,
        wait,
        signal: over,
      });
      const moved = answer !== null && !isSame(held, answer.mark);
      if (moved) await this.#take(answer);
      // An answer that has waited was true when its wait was over; any other when it was asked for.
      this.#confirmedAt = answer === null ? Math.min(begun + wait, clock.monotonic()) : begun;
      this.#settle();
      return moved ? 'moved' : 'same';
    } catch (error) {
      return over.aborted ? 'same' : this.#failed(failureOf(error), error);
    } finally {
      asking.abort();
    }
  }

  /** The upstream is the authority: what it says is current is followed, whatever its number. */
  async #take(held: Held): Promise<void> {
    const { credential, holdings, log, changed } = this.#options;
    const { number, keyId } = held.mark;
    const before = holdings.version(credential)?.mark ?? null;
    await holdings.take(held);
    const fields = { credential, version: number, keyId };
    if (before !== null && before.number > number) {
      log.warn(
        { ...fields, held: before.number },
        `${credential}: the upstream has version ${number}, older than version ${before.number} that was held; was it restored from a backup? It is followed`,
      );
    } else log.info(fields, `${credential}: version ${number} is held`);
    changed();
  }

  #settle(): void {
    const { credential, log, changed } = this.#options;
    this.#attempts = 0;
    if (this.#trouble === null) return;
    this.#trouble = null;
    log.info({ credential }, `${credential}: the upstream answers again`);
    changed();
  }

  #failed(failure: Failure, error: unknown): Failure {
    const { credential, log, changed } = this.#options;
    const told = this.#trouble?.code === failure.code && this.#trouble.message === failure.message;
    this.#attempts += 1;
    this.#trouble = failure;
    const fields = { credential, failure, attempts: this.#attempts };
    if (failure.code === 'internal') log.error({ ...fields, error }, `${credential}: ${failure.message}`);
    else if (told) log.debug(fields, `${credential}: ${failure.message}`);
    else log.warn(fields, `${credential}: ${failure.message}`);
    if (!told) changed();
    return failure;
  }
}
