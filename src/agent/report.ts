import { type Clock, type Failure, failureOf, HOUR, type Log } from '../model/index.ts';
import { Bell } from './bell.ts';
import { type Jitter, jittered } from './jitter.ts';
import type { Delivered, Refused, Upstream } from './upstream.ts';

/** Who is silent for a week is forgotten; this is often enough. */
const AT_LEAST_EVERY = HOUR;

export type ReporterOptions = {
  /** The agent's. */
  readonly name: string;
  readonly upstream: Pick<Upstream, 'report'>;
  /** What has been delivered by now: version numbers by credential. */
  readonly delivered: () => Readonly<Record<string, number>>;
  readonly clock: Clock;
  readonly jitter: Jitter;
  readonly log: Log;
};

/** Tells the upstream what is delivered here: after each change, and once an hour. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #bell = new Bell();
  #said = '';
  #attempts = 0;
  #trouble: Failure | null = null;
  #old = false;
  #refused = '';
  /** What the upstream may have heard of. */
  readonly #spoken = new Set<string>();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Something may have been delivered. */
  wake(): void {
    this.#bell.ring();
  }

  /** Returns once `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, delivered, jitter } = this.#options;
    let due = 0;
    while (!signal.aborted) {
      const since = this.#bell.count;
      const versions = delivered();
      const left = due - clock.monotonic();
      const news = this.#attempts === 0 && JSON.stringify(versions) !== this.#said;
      if ((left <= 0 || news) && Object.keys(versions).length > 0) {
        const failure = await this.#send(versions, signal);
        const ms =
          failure === null ? AT_LEAST_EVERY : jittered(this.#attempts, failure, () => jitter('report'));
        due = clock.monotonic() + ms;
        continue;
      }
      await this.#bell.wait(since, { signal, ...(left > 0 ? { after: { clock, ms: left } } : {}) });
    }
  }

  /** Says that nothing is delivered here any more, so that no rotation waits for it. Never throws. */
  async farewell(signal: AbortSignal): Promise<void> {
    if (this.#spoken.size === 0 || this.#old) return;
    const { name, upstream, log } = this.#options;
    const nothing = Array.from(this.#spoken, (credential) => [credential, null] as const);
    try {
      await upstream.report(name, Object.fromEntries(nothing), signal);
    } catch (error) {
      log.info({ agent: name, failure: failureOf(error) }, 'the upstream was not told that this agent ends');
    }
  }

  #tell(refused: Refused | null): void {
    const { name, log } = this.#options;
    if (refused === null && !this.#old)
      log.info({ agent: name }, 'the upstream does not take reports of what is delivered: it is older');
    this.#old = refused === null;
    const said = JSON.stringify(refused ?? {});
    if (said !== '{}' && said !== this.#refused)
      log.warn({ agent: name, refused }, 'the upstream does not take the report of some credentials');
    this.#refused = said;
  }

  async #send(versions: Delivered, signal: AbortSignal): Promise<Failure | null> {
    const { name, upstream, log } = this.#options;
    for (const credential of Object.keys(versions)) this.#spoken.add(credential);
    try {
      this.#tell(await upstream.report(name, versions, signal));
      this.#said = JSON.stringify(versions);
      this.#attempts = 0;
      this.#trouble = null;
      return null;
    } catch (error) {
      const failure = failureOf(error);
      this.#attempts += 1;
      if (signal.aborted) return failure;
      const level = this.#trouble?.message === failure.message ? 'debug' : 'warn';
      log[level]({ agent: name, failure }, `what is delivered could not be reported: ${failure.message}`);
      this.#trouble = failure;
      return failure;
    }
  }
}
