import type { Clock } from '../../src/model/index.ts';

type Timer = { readonly at: number; readonly task: () => void };

/**
 * Time that stands still until the test moves it. `time` is the world's own (the provider's, the application's); the
 * clock that a daemon is given can be wrong by `skew`, while its monotonic time never is.
 */
export class VirtualClock {
  readonly #origin: number;
  #elapsed = 0;
  /** How far the daemon's wall clock is ahead of the world's time, ms. */
  skew = 0;
  readonly #daemons = new Set<DaemonClock>();

  constructor(origin: number) {
    this.#origin = origin;
  }

  get time(): number {
    return this.#origin + this.#elapsed;
  }

  get elapsed(): number {
    return this.#elapsed;
  }

  /** A clock for one daemon's life; its timers end with {@link DaemonClock.drop}. */
  daemon(): DaemonClock {
    const clock = new DaemonClock(this, () => this.#daemons.delete(clock));
    this.#daemons.add(clock);
    return clock;
  }

  /** When the next timer fires, in the world's time; null where none is set. */
  get nextTimer(): number | null {
    const next = Math.min(...[...this.#daemons].map((clock) => clock.next));
    return Number.isFinite(next) ? this.#origin + next : null;
  }

  /** Moves time on and leaves the timers to {@link fireDue}. */
  moveTo(time: number): void {
    this.#elapsed = Math.max(this.#elapsed, time - this.#origin);
  }

  /** True where something fired. */
  fireDue(): boolean {
    return [...this.#daemons].map((clock) => clock.fireDue()).includes(true);
  }
}

/** A daemon's {@link Clock} on the world's time. */
export class DaemonClock implements Clock {
  readonly #world: VirtualClock;
  readonly #forget: () => void;
  readonly #timers = new Set<Timer>();

  constructor(world: VirtualClock, forget: () => void) {
    this.#world = world;
    this.#forget = forget;
  }

  now(): number {
    return this.#world.time + this.#world.skew;
  }

  monotonic(): number {
    return this.#world.elapsed;
  }

  steady(): number {
    return this.#world.elapsed;
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#world.elapsed + Math.max(0, ms), task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get next(): number {
    return Math.min(...[...this.#timers].map(({ at }) => at));
  }

  /** Timers beside the loop's own: what a handler that still runs waits for. */
  get waits(): number {
    return Math.max(0, this.#timers.size - 1);
  }

  fireDue(): boolean {
    const due = [...this.#timers].filter(({ at }) => at <= this.#world.elapsed);
    for (const timer of due) {
      this.#timers.delete(timer);
      timer.task();
    }
    return due.length > 0;
  }

  drop(): void {
    this.#timers.clear();
    this.#forget();
  }
}
