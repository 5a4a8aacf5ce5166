/** How long {@link Inbox.waitFor} waits, in ms of the machine's clock. Default 10 s. */
export type WaitOptions = { readonly timeoutMs?: number };

type Waiter<T> = { readonly wanted: (item: T) => boolean; readonly settle: (item: T | Error) => void };

/** What a stand-in received, newest last (the newest 10,000), with a way to wait for more. */
export class Inbox<T> {
  readonly #what: string;
  readonly #items: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();

  /** @param what names an item in messages: `Slack message` */
  constructor(what: string) {
    this.#what = what;
  }

  add(item: T): void {
    this.#items.push(item);
    if (this.#items.length > 10_000) this.#items.shift();
    for (const waiter of [...this.#waiters]) if (waiter.wanted(item)) waiter.settle(item);
  }

  all(): readonly T[] {
    return [...this.#items];
  }

  /** The first item that `wanted` accepts, already here or still to come. Rejects when the time is up or the sandbox closes. */
  waitFor(wanted: (item: T) => boolean, options: WaitOptions = {}): Promise<T> {
    const present = this.#items.find(wanted);
    if (present !== undefined) return Promise.resolve(present);
    const timeoutMs = options.timeoutMs ?? 10_000;
    return new Promise((resolve, reject) => {
      const waiter: Waiter<T> = {
        wanted,
        settle: (outcome) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
        },
      };
      const late = () =>
        waiter.settle(
          new Error(`no such ${this.#what} within ${timeoutMs} ms; ${this.#items.length} others came`),
        );
      const timer = setTimeout(late, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  close(): void {
    for (const waiter of [...this.#waiters]) {
      waiter.settle(new Error(`the sandbox was closed before such a ${this.#what} came`));
    }
  }
}
