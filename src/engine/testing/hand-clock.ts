import type { Clock } from '../../model/index.ts';

type Timer = { readonly at: number; readonly task: () => void };

/** A clock that the test moves: its wall can be stepped, its steady time only goes on. A timer fires when it is reached. */
export class HandClock implements Clock {
  readonly #origin: number;
  #passed = 0;
  #timers: Timer[] = [];
  /** How far the wall clock is ahead, ms. */
  skew = 0;

  constructor(origin: number) {
    this.#origin = origin;
  }

  /** The world's time. */
  get time(): number {
    return this.#origin + this.#passed;
  }

  now = () => this.time + this.skew;
  monotonic = () => this.#passed;
  steady = () => this.#passed;

  after = (ms: number, task: () => void) => {
    const timer = { at: this.#passed + ms, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** In how many ms the first timer fires; null: none is set. */
  get next(): number | null {
    return this.#timers.length === 0 ? null : Math.min(...this.#timers.map(({ at }) => at)) - this.#passed;
  }

  move(ms: number): void {
    this.#passed += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#passed);
    this.#timers = this.#timers.filter(({ at }) => at > this.#passed);
    for (const { task } of due) task();
  }
}
