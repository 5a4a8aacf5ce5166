import type { Clock } from '../../src/model/index.ts';
import { act } from './acts.ts';
import { extent, type Fault } from './faults.ts';
import type { Call, Machine, World } from './ground.ts';
import { refused } from './issuer.ts';

/** No answer comes for so long before the caller gives up. */
export const TIMEOUT = 10_000;

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** A promise of something that died first. */
const NEVER = new Promise<never>(() => undefined);

/**
 * One process from its start to its death. What reaches it passes {@link Life.go}: a dead process hears nothing, a
 * paused one hears it when it goes on.
 */
export class Life {
  readonly machine: Machine;
  readonly number: number;
  readonly #world: World;
  alive = true;
  /** Paused until then. */
  pausedUntil = 0;
  serverTimeKnown = () => false;

  constructor(world: World, machine: Machine, number: number) {
    this.#world = world;
    this.machine = machine;
    this.number = number;
  }

  /** Runs `task` in this process: now, or when it goes on. */
  go(task: () => void): void {
    if (!this.alive) return;
    if (this.pausedUntil <= this.#world.time) {
      this.#world.touched = true;
      task();
      return;
    }
    this.#world.at(this.pausedUntil - this.#world.time, () => this.go(task));
  }

  /** As {@link go}, after `ms`. */
  after(ms: number, task: () => void): void {
    this.#world.at(ms, () => this.go(task));
  }

  /** Resolves when the process goes on; never, once it is dead. */
  going(): Promise<void> {
    if (this.alive && this.pausedUntil <= this.#world.time) return Promise.resolve();
    return new Promise((resolve) => this.go(resolve));
  }

  /** The process's own clock: as wrong as its machine's, and monotonic all the same. */
  clock(): Clock {
    return {
      now: () => Math.round(this.#world.time + this.machine.skew),
      monotonic: () => this.#world.elapsed,
      steady: () => this.#world.elapsed,
      after: (ms, task) => {
        let armed = true;
        this.after(Math.max(0, ms), () => {
          if (armed) task();
        });
        return () => {
          armed = false;
        };
      },
    };
  }

  /** Performs one effect, with what strikes it. */
  call<T>(call: Call<T>): Promise<T> {
    const world = this.#world;
    if (!this.alive) return NEVER;
    const { fault, stream } = world.begin(call.effect, this);
    const latency = stream.whole(20, 400);
    world.trace.add(
      `${world.time} ${this.machine.index}.${this.number} ${call.effect} ${call.target}${fault ? ` !${fault}` : ''}`,
    );
    return new Promise<T>((resolve, reject) => {
      const answer = (outcome: Outcome<T>) =>
        this.go(() => ('value' in outcome ? resolve(outcome.value) : reject(outcome.error)));
      if (fault === null) world.at(latency, () => answer(attempt(call.apply)));
      else
        this.#struck({
          call,
          fault,
          extent: Math.round(extent(fault, stream, world.plan.overlap)),
          latency,
          answer,
          coin: stream.chance(0.5),
        });
    });
  }

  #struck<T>({ call, fault, extent: size, latency, answer, coin }: Struck<T>): void {
    const world = this.#world;
    if (call.effect === 'publish' && (fault === 'late' || fault === 'stall')) hurry(world, size);
    const arrive = () => attempt(call.apply);
    const dead = () => {
      if (this.alive) this.machine.crash(size);
    };
    const after = (ms: number, run: () => void) => world.at(ms, run);
    switch (fault) {
      case 'refused':
        after(latency, () => answer({ error: unavailable(call.target) }));
        break;
      case 'crash-before':
        this.machine.crash(size);
        break;
      case 'applied-crash':
        after(latency, () => {
          arrive();
          dead();
        });
        break;
      case 'down':
        after(latency, () => {
          if (coin) arrive();
          dead();
        });
        break;
      case 'restore':
        after(latency, () => {
          if (coin) arrive();
          world.restore();
        });
        break;
      case 'answer-lost':
        after(latency, arrive);
        after(TIMEOUT, () => answer({ error: silence(call.target) }));
        break;
      case 'late':
        after(Math.min(size, world.untilHealed), arrive);
        after(TIMEOUT, () => answer({ error: silence(call.target) }));
        break;
      case 'twice':
        after(latency, () => {
          arrive();
          answer(arrive());
        });
        break;
      case 'stall':
        this.machine.pause(size);
        after(Math.min(size, world.untilHealed) + latency, () => answer(arrive()));
        break;
      case 'partial':
        world.outage(call.target, size);
        after(latency, () => answer(arrive()));
        break;
      case 'clock-step':
        this.machine.step(size);
        after(latency, () => answer(arrive()));
        break;
      default: {
        const bent = call.bent?.[fault];
        after(latency, () => answer(attempt(() => (bent === undefined ? call.apply() : (bent(size) as T)))));
      }
    }
  }
}

function unavailable(target: string): Error {
  return refused('unavailable', 'retryable', `${target} is not available`);
}

function silence(target: string): Error {
  return refused('no_answer', 'unknown', `${target} gave no answer in time`);
}

/** Somebody sees that it hangs, and does not wait. */
function hurry(world: World, ms: number): void {
  if (world.plan.attentive) world.at(Math.min(ms, world.untilHealed) / 2, () => act(world, 'emergency'));
}

type Struck<T> = {
  readonly call: Call<T>;
  readonly fault: Fault;
  readonly extent: number;
  readonly latency: number;
  readonly answer: (outcome: Outcome<T>) => void;
  readonly coin: boolean;
};

function attempt<T>(run: () => T): Outcome<T> {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}
