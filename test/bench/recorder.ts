import type { DatabaseSync } from 'node:sqlite';
import type { Plugins } from '../../src/engine/context.ts';
import type { Change, Rotation } from '../../src/model/index.ts';
import type { State } from '../../src/state/contract.ts';
import { type Interval, uncovered } from './timeline.ts';

/** One rotation, from the moment its mint was decided to the last destination's record that it has the new version; ms. */
export type Measured = {
  readonly whole: number;
  /** The time in which no plug-in was called, no prescribed wait ran, and the state did not wait for its disk. */
  readonly overhead: number;
  /** The same with the waits for the state's disk. */
  readonly withDisk: number;
  /** How many transactions of the state waited for the disk. */
  readonly transactions: number;
};

/** What plug-ins do outside of the process, or to files. */
const CALLS: ReadonlySet<string> = new Set(['mint', 'verify', 'preflight', 'readBack', 'publish']);

/** Takes down when a daemon's calls to its plug-ins and its state begin and end, by the monotonic clock. */
export class Recorder {
  readonly #destinations: number;
  readonly #calls: Interval[] = [];
  readonly #disk: Interval[] = [];
  readonly #waits: Interval[] = [];
  readonly #published = new Set<string>();
  #everywhere: () => void = () => undefined;
  #proved = 0;
  #decided = 0;
  #done = 0;

  /** @param destinations how many the credential has */
  constructor(destinations: number) {
    this.#destinations = destinations;
  }

  /** Begins anew, and resolves once every destination has been recorded to have what it shall have. */
  everywhere(): Promise<void> {
    for (const list of [this.#calls, this.#disk, this.#waits]) list.length = 0;
    this.#published.clear();
    return new Promise((resolve) => {
      this.#everywhere = resolve;
    });
  }

  /** Of the rotation that {@link everywhere} has waited for. */
  measured(): Measured {
    const whole = { from: this.#decided, to: this.#done };
    const prescribed = [...this.#calls, ...this.#waits];
    return {
      whole: whole.to - whole.from,
      overhead: uncovered(whole, [...prescribed, ...this.#disk]),
      withDisk: uncovered(whole, prescribed),
      transactions: this.#disk.filter(({ from, to }) => from >= whole.from && to <= whole.to).length,
    };
  }

  plugins(plugins: Plugins): Plugins {
    const all = <T extends object>(made: ReadonlyMap<string, T>): Map<string, T> =>
      new Map(
        [...made].map(([name, plugin]) => [
          name,
          intercepted(plugin, (method, call) => (CALLS.has(method) ? timed(this.#calls, call) : call())),
        ]),
      );
    return { ...plugins, providers: all(plugins.providers), stores: all(plugins.stores) };
  }

  state(state: State): State {
    return intercepted(state, (method, call, args) => {
      if (method === 'prove') this.#proved = performance.now();
      return method === 'commit' ? this.#commit(call, args[0] as readonly Change[]) : call();
    });
  }

  database(database: DatabaseSync): DatabaseSync {
    return diskTimed(database, this.#disk);
  }

  async #commit(call: () => unknown, changes: readonly Change[]): Promise<unknown> {
    this.#committing(changes);
    const outcome = await call();
    this.#committed(changes);
    return outcome;
  }

  #committing(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type !== 'rotation.put') continue;
      const { rotation } = change;
      // The state is proven right after the mint was decided, and before the intent is committed.
      if (isIntent(rotation)) this.#decided = this.#proved;
      const wait = (rotation.retryAt ?? 0) - Date.now();
      const now = performance.now();
      if (wait > 0) this.#waits.push({ from: now, to: now + wait });
    }
  }

  #committed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type !== 'destination.put' || change.destination.state !== 'published') continue;
      this.#published.add(change.destination.id);
      this.#done = performance.now();
      if (this.#published.size === this.#destinations) this.#everywhere();
    }
  }
}

function isIntent({ state, intent, answeredAt }: Rotation): boolean {
  return state === 'minting' && intent !== null && intent.sends === 1 && answeredAt === null;
}

/** The statement `commit` is what writes the log and waits for the disk: each wait is added to `waits`. */
export function diskTimed(database: DatabaseSync, waits: Interval[]): DatabaseSync {
  return intercepted(database, (method, call, [sql]) => {
    const made = call();
    if (method !== 'prepare' || sql !== 'commit') return made;
    return intercepted(made as object, (_run, commit) => timed(waits, commit));
  });
}

function timed(into: Interval[], call: () => unknown): unknown {
  const from = performance.now();
  const end = () => into.push({ from, to: performance.now() });
  const outcome = call();
  if (outcome instanceof Promise) return outcome.finally(end);
  end();
  return outcome;
}

type Call = (method: string, call: () => unknown, args: readonly unknown[]) => unknown;

/** `target`, each of whose methods runs through `around`. */
export function intercepted<T extends object>(target: T, around: Call): T {
  return new Proxy(target, {
    get(object, property) {
      const member: unknown = Reflect.get(object, property, object);
      if (typeof member !== 'function' || typeof property !== 'string') return member;
      return (...args: readonly unknown[]) =>
        around(property, () => Reflect.apply(member, object, args), args);
    },
  });
}
