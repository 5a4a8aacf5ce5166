import type { Hook } from '../hooks/contract.ts';
import { saidIn } from '../hooks/failed.ts';
import { type Clock, type Failure, failureOf } from '../model/index.ts';
import { slowBackoff } from '../rotation/backoff.ts';
import { Bell } from './bell.ts';
import { isSame } from './held.ts';
import { type Place, recordKey } from './visit.ts';

export type HookRunnerOptions = Omit<Place, 'store'> & {
  readonly hook: Hook;
  readonly clock: Clock;
};

/**
 * Runs one file's hook once for each version that arrives there, over restarts; after a crash perhaps twice. One that
 * fails is run again, at growing intervals up to an hour, until a newer version takes its place.
 */
export class HookRunner {
  readonly #options: HookRunnerOptions;
  readonly #bell = new Bell();
  #attempts = 0;

  constructor(options: HookRunnerOptions) {
    this.#options = options;
  }

  wake(): void {
    this.#bell.ring();
  }

  /** Returns once `signal` is aborted and the hook has ended. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const since = this.#bell.count;
      const failure = await this.#turn();
      const { clock } = this.#options;
      const after = failure && { clock, ms: slowBackoff(this.#attempts, failure) };
      await this.#bell.wait(since, { signal, ...(after === null ? {} : { after }) });
    }
  }

  async #turn(): Promise<Failure | null> {
    const { credential, destination, holdings, hook, log } = this.#options;
    const key = recordKey(credential, destination.id);
    const { published, hook: owed } = holdings.record(key);
    if (owed?.state !== 'owed' || !isSame(published, owed.mark)) return null;
    const { mark } = owed;
    const fields = { credential, destination: destination.id, version: mark.number };
    try {
      await hook.run({ credential, destination: destination.id, mark });
      log.info(fields, `${credential}: the hook of ${destination.id} ran for version ${mark.number}`);
      // A newer version may have arrived meanwhile: its run is still owed.
      await holdings.note(key, (known) =>
        isSame(known.hook?.mark, mark) ? { ...known, hook: { mark, state: 'done' } } : known,
      );
      this.#attempts = 0;
      return null;
    } catch (error) {
      const failure = failureOf(error);
      this.#attempts += 1;
      log.warn(
        {
          ...fields,
          failure,
          attempts: this.#attempts,
          ...saidIn(error),
          ...(failure.code === 'internal' ? { error } : {}),
        },
        `${credential}: the hook of ${destination.id}: ${failure.message}`,
      );
      return failure;
    }
  }
}
