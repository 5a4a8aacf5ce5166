import type { Clock } from '../model/index.ts';

/**
 * Wakes those who wait. A ring between a look and the wait that follows it is not missed: the look notes the count.
 *
 * @example
 * const since = bell.count;
 * if (!isThere()) await bell.wait(since, { signal });
 */
export class Bell {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  /** How often it has rung. */
  get count(): number {
    return this.#count;
  }

  ring(): void {
    this.#count += 1;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves once it has rung since `count`, once `signal` is aborted, and, with `after`, once that time is up. */
  wait(
    count: number,
    { signal, after }: { signal: AbortSignal; after?: { clock: Clock; ms: number } },
  ): Promise<void> {
    if (signal.aborted || count !== this.#count) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        cancel?.();
        resolve();
      };
      const cancel = after?.clock.after(after.ms, wake);
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
