import type { Mark } from '../../src/model/index.ts';

/** What stood at a destination from a moment on. */
export type Content = { readonly since: number; readonly value: string | null; readonly mark: Mark | null };

/** One destination as it really is: what stands there, what stood there before, and whether it can be reached. */
export class Place {
  readonly name: string;
  readonly lag: number;
  /** Oldest first. */
  readonly history: Content[] = [];
  /** Cannot be reached before this time. */
  outageUntil = 0;
  /** When something that is not ours was put there. */
  readonly spoiledAt: number[] = [];

  constructor(name: string, lag: number) {
    this.name = name;
    this.lag = lag;
  }

  get content(): Content | null {
    return this.history.at(-1) ?? null;
  }

  /** For check-and-set. */
  get revision(): string {
    return String(this.history.length);
  }

  put(content: Content): void {
    this.history.push(content);
  }

  /** When a reader could last have been given this value; null: never, `now` where it stands there. */
  heldUntil(value: string, now: number): number | null {
    for (let index = this.history.length - 1; index >= 0; index -= 1) {
      if (this.history[index]?.value === value) return this.history[index + 1]?.since ?? now;
    }
    return null;
  }
}
