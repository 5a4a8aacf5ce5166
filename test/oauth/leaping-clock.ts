import type { Clock } from '../../src/model/index.ts';

type Timer = { readonly at: number; readonly task: () => void; handle: NodeJS.Timeout };

/** The machine's time, which a test lets leap ahead; its wall can be wrong besides. */
export class LeapingClock implements Clock {
  readonly #timers = new Set<Timer>();
  #leapt = 0;
  /** How far the wall clock is off, ms. */
  skew = 0;

  now = () => Date.now() + Math.round(this.#leapt) + this.skew;
  monotonic = () => performance.now();
  steady = () => performance.now() + this.#leapt;

  after = (ms: number, task: () => void) => {
    const timer: Timer = { at: this.steady() + ms, task, handle: setTimeout(() => undefined) };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => this.#drop(timer);
  };

  /** How much time has leapt by, ms. */
  get leapt(): number {
    return this.#leapt;
  }

  /** So long passes in an instant. */
  leap(ms: number): void {
    this.#leapt += ms;
    for (const timer of [...this.#timers]) this.#arm(timer);
  }

  /** No timer fires any more: whoever set them is dead. */
  drop(): void {
    for (const timer of [...this.#timers]) this.#drop(timer);
  }

  #arm(timer: Timer): void {
    clearTimeout(timer.handle);
    const left = Math.max(0, timer.at - this.steady());
    const fire = () => {
      if (timer.at > this.steady()) return this.#arm(timer);
      this.#timers.delete(timer);
      timer.task();
    };
    timer.handle = setTimeout(fire, Math.min(left, 60_000));
  }

  #drop(timer: Timer): void {
    clearTimeout(timer.handle);
    this.#timers.delete(timer);
  }
}
