import { type Clock, type Failure, failureOf, type Mark, MINUTE } from '../model/index.ts';
import { Bell } from './bell.ts';
import type { Follower } from './follow.ts';
import { isSame } from './held.ts';
import { type Jitter, jittered } from './jitter.ts';
import { fieldsOf, NEWER, type Place, visit } from './visit.ts';

/** How often a file is looked at though nothing is new, ms: what a person did to it is put back. */
const CHECK_EVERY = 3 * MINUTE;

export type PublisherOptions = Place & {
  readonly follower: Pick<Follower, 'confirmedAt' | 'askNow'>;
  readonly clock: Clock;
  readonly jitter: Jitter;
  /** A version has arrived, or cannot. */
  readonly changed: () => void;
};

/** Keeps one file as the holdings have its credential, for as long as it runs. Others do not wait for it. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #bell = new Bell();
  #trouble: Failure | null = null;
  #attempts = 0;
  #seen: Mark | null = null;
  /** The newer version that stands in the file, and when it was first seen; monotonic ms. */
  #newer: { readonly number: number; readonly seenAt: number } | null = null;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.destination.id;
  }

  /** Why the file does not have what it shall have; null where it does, or has not been looked at yet. */
  get trouble(): Failure | null {
    return this.#trouble;
  }

  /** True where the file was seen to have the version that is held. */
  get isPublished(): boolean {
    const { holdings, credential } = this.#options;
    const held = holdings.version(credential);
    return this.#trouble === null && held !== null && isSame(this.#seen, held.mark);
  }

  /** The number of the version that this process has last seen in the file; null: none. */
  get number(): number | null {
    return this.#seen?.number ?? null;
  }

  /** Has the file looked at now. */
  wake(): void {
    this.#bell.ring();
  }

  /** Returns once `signal` is aborted and what was being written is whole. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, jitter } = this.#options;
    while (!signal.aborted) {
      const since = this.#bell.count;
      const failure = await this.#turn();
      const ms =
        failure === null
          ? CHECK_EVERY * (1 - jitter('check', this.id) / 4)
          : jittered(this.#attempts, failure, () => jitter('publish', this.id));
      await this.#bell.wait(since, { signal, after: { clock, ms } });
    }
  }

  async #turn(): Promise<Failure | null> {
    const { credential, holdings, log, changed } = this.#options;
    const held = holdings.version(credential);
    if (held === null) return null;
    const before = this.isPublished;
    try {
      await visit(this.#options, held, { hooks: true, confirmed: (newer) => this.#isConfirmed(newer) });
      if (this.#trouble !== null)
        log.info(fieldsOf(this.#options, held), `${credential}: ${this.id} is in order again`);
      this.#trouble = null;
      this.#seen = held.mark;
      this.#newer = null;
      this.#attempts = 0;
      if (!before) changed();
      return null;
    } catch (error) {
      const failure = failureOf(error);
      this.#attempts += 1;
      this.#told(failure, error);
      if (failure.code === NEWER) this.#options.follower.askNow();
      changed();
      return failure;
    }
  }

  #isConfirmed({ number }: { readonly number: number }): boolean {
    const { clock, follower } = this.#options;
    if (this.#newer?.number !== number) this.#newer = { number, seenAt: clock.monotonic() };
    return follower.confirmedAt > this.#newer.seenAt;
  }

  #told(failure: Failure, error: unknown): void {
    const { credential, destination, log } = this.#options;
    const again = this.#trouble?.message === failure.message;
    this.#trouble = failure;
    const fields = { credential, destination: destination.id, failure, attempts: this.#attempts };
    const message = `${credential}: ${this.id}: ${failure.message}`;
    if (failure.code === 'internal') log.error({ ...fields, error }, message);
    else if (again) log.debug(fields, message);
    else log.warn(fields, message);
  }
}
