import { type Change, SECOND, type Secret, type Version } from '../model/index.ts';
import { currentVersion } from '../rotation/index.ts';
import type { State } from '../state/contract.ts';

/** A credential's current version with its value. */
export type Held = { readonly version: Version; readonly value: Secret };

/** How often those who wait look for what another process has committed, ms of real time. */
const LOOK_EVERY = 5 * SECOND;

/**
 * What is current, for those who read it and wait for the next: a reader is woken by the commit that brings its
 * credential another current version, and by no other.
 *
 * @example
 * const place = values.enter('frameflow-prod', signal);
 * try {
 *   const held = await values.read('frameflow-prod');
 *   await place.after(held?.version.id ?? null);
 * } finally {
 *   place.leave();
 * }
 */
export class CurrentValues {
  readonly #state: Pick<State, 'credential' | 'versionValue'>;
  readonly #lookEvery: number;
  readonly #rooms = new Map<string, Room>();
  readonly #reads = new Map<string, Promise<Held | null>>();

  constructor(state: Pick<State, 'credential' | 'versionValue'>, lookEvery = LOOK_EVERY) {
    this.#state = state;
    this.#lookEvery = lookEvery;
  }

  /** Null before the first version. Those who ask at the same moment share one read. */
  read(name: string): Promise<Held | null> {
    const shared = this.#reads.get(name);
    if (shared !== undefined) return shared;
    const reading: Promise<Held | null> = this.#read(name).finally(() => {
      if (this.#reads.get(name) === reading) this.#reads.delete(name);
    });
    this.#reads.set(name, reading);
    return reading;
  }

  /** A place among those who wait for `name`: from now on no commit is missed. An abort of `signal` gives it up. */
  enter(name: string, signal: AbortSignal): Place {
    const room = this.#rooms.get(name) ?? this.#open(name);
    const place = new Place(() => {
      signal.removeEventListener('abort', place.leave);
      room.places.delete(place);
      if (room.places.size > 0 || this.#rooms.get(name) !== room) return;
      clearInterval(room.looking);
      this.#rooms.delete(name);
    });
    room.places.add(place);
    if (signal.aborted) place.leave();
    else signal.addEventListener('abort', place.leave, { once: true });
    return place;
  }

  /** How many wait for `name`. */
  waiting(name: string): number {
    return this.#rooms.get(name)?.places.size ?? 0;
  }

  /** Tells those who wait what a commit has brought; called after it. */
  committed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type !== 'version.put') continue;
      const { credential, id, state } = change.version;
      // A read that began before the commit may show what was there before.
      this.#reads.delete(credential);
      if (state === 'current') this.#tell(credential, id);
    }
  }

  #tell(name: string, id: string): void {
    for (const place of [...(this.#rooms.get(name)?.places ?? [])]) place.tell(id);
  }

  #open(name: string): Room {
    // Whoever shares the state commits elsewhere; a look that fails is made up for by the next.
    const looking = setInterval(() => void this.#look(name).catch(() => undefined), this.#lookEvery).unref();
    const room: Room = { places: new Set(), looking };
    this.#rooms.set(name, room);
    return room;
  }

  async #look(name: string): Promise<void> {
    const current = currentVersion((await this.#state.credential(name))?.versions ?? []);
    if (current !== null) this.#tell(name, current.id);
  }

  async #read(name: string): Promise<Held | null> {
    const version = currentVersion((await this.#state.credential(name))?.versions ?? []);
    return version && { version, value: await this.#state.versionValue(version.id) };
  }
}

type Room = { readonly places: Set<Place>; readonly looking: NodeJS.Timeout };

/** One reader among those who wait for a credential. */
export class Place {
  /** Gives the place up and ends its wait; it may be called twice. */
  readonly leave: () => void;
  #told: string | null = null;
  #left = false;
  #wait: { readonly have: string | null; readonly wake: () => void } | null = null;

  constructor(left: () => void) {
    this.leave = () => {
      this.#left = true;
      left();
      this.#wait?.wake();
    };
  }

  /** Resolves once something else than the version `have` may be current, at once where it came meanwhile, or once left. */
  after(have: string | null): Promise<void> {
    const told = this.#told;
    this.#told = null;
    if (this.#left || (told !== null && told !== have)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wait = {
        have,
        wake: () => {
          this.#wait = null;
          resolve();
        },
      };
    });
  }

  /** This version is current. */
  tell(id: string): void {
    if (this.#wait === null) this.#told = id;
    else if (this.#wait.have !== id) this.#wait.wake();
  }
}
