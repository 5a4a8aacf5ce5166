import { type Change, type Clock, type Failure, type Grant, SECOND } from '../../model/index.ts';
import { grantId } from '../../state/contract.ts';
import { Refusals } from './refusals.ts';

/** How often those who wait look for what another process has committed, ms of real time. */
const LOOK_EVERY = SECOND;

/** The key of a wait for a token with all scopes. */
export const ALL_SCOPES = '';

/**
 * Who waits for a token of which grant, and for which scopes. It lives in memory alone: callers end with the process too.
 *
 * @example
 * const place = waiting.enter('footage-app', 'user-1', { scope: ALL_SCOPES, rejected: null });
 * try {
 *   await place.changed(signal);
 * } finally {
 *   place.leave();
 * }
 */
export class Waiting {
  readonly #refusals: Refusals;
  readonly #lookEvery: number;
  readonly #rooms = new Map<string, Room>();

  constructor(clock: Pick<Clock, 'steady'>, lookEvery = LOOK_EVERY) {
    this.#refusals = new Refusals(clock);
    this.#lookEvery = lookEvery;
  }

  /** A place among those who wait: from now on no commit is missed. */
  enter(client: string, subject: string, wish: Wish): Place {
    const id = grantId(client, subject);
    const room = this.#rooms.get(id) ?? this.#open(id);
    const known = room.wishes.get(wish.scope);
    const wanted = known ?? { count: 0, rejected: null, refusal: null };
    room.wishes.set(wish.scope, wanted);
    wanted.count += 1;
    wanted.rejected = latest(wanted.rejected, wish.rejected);
    const heard = { version: room.version };
    return {
      first: known === undefined,
      refusal: () => wanted.refusal,
      changed: (signal) => changed(room, heard, signal),
      leave: once(() => this.#leave(id, room, wish.scope)),
    };
  }

  /** The provider does not give these scopes: who waits for them is told, and who asks for them within some minutes. */
  refuse(grant: Grant, scope: string, why: Failure): void {
    this.#refusals.note(grant, scope, why);
    const room = this.#rooms.get(grantId(grant.client, grant.subject));
    const wanted = room?.wishes.get(scope);
    if (room === undefined || wanted === undefined) return;
    wanted.refusal = why;
    tell(room);
  }

  /** Why these scopes were not given a short while ago; null: they may be had. */
  refused(grant: Grant, scope: string): Failure | null {
    return this.#refusals.find(grant, scope);
  }

  /** Whether anybody waits for the grant's token with all its scopes. */
  waits(client: string, subject: string): boolean {
    return this.#rooms.get(grantId(client, subject))?.wishes.has(ALL_SCOPES) === true;
  }

  /** The scopes, besides all of them, that somebody waits for, and was not refused. */
  wanted(client: string, subject: string): readonly Wish[] {
    const room = this.#rooms.get(grantId(client, subject));
    return [...(room?.wishes ?? [])]
      .filter(([scope, { refusal }]) => scope !== ALL_SCOPES && refusal === null)
      .map(([scope, { rejected }]) => ({ scope, rejected }));
  }

  /** Tells those who wait what a commit has brought; called after it. */
  committed(changes: readonly Change[]): void {
    if (this.#rooms.size === 0) return;
    for (const change of changes) {
      if (change.type === 'grant.put') this.#tell(change.grant.client, change.grant.subject);
      if (change.type === 'narrow.put') this.#tell(change.token.client, change.token.subject);
      if (change.type === 'grant.delete') this.#tell(change.client, change.subject);
    }
  }

  #tell(client: string, subject: string): void {
    const room = this.#rooms.get(grantId(client, subject));
    if (room !== undefined) tell(room);
  }

  #open(id: string): Room {
    const room: Room = { version: 0, wishes: new Map(), listeners: new Set(), looking: undefined };
    // Whoever shares the state commits elsewhere.
    room.looking = setInterval(() => tell(room), this.#lookEvery).unref();
    this.#rooms.set(id, room);
    return room;
  }

  #leave(id: string, room: Room, scope: string): void {
    const wanted = room.wishes.get(scope);
    if (wanted !== undefined) wanted.count -= 1;
    if (wanted?.count === 0) room.wishes.delete(scope);
    if (room.wishes.size > 0) return;
    clearInterval(room.looking);
    this.#rooms.delete(id);
  }
}

/** What a caller waits for. */
export type Wish = {
  /** See scopeKey; {@link ALL_SCOPES}. */
  readonly scope: string;
  /** The version whose token was refused to the caller; null: none. */
  readonly rejected: number | null;
};

/** One caller among those who wait for a grant. */
export type Place = {
  /** Nobody else waits for these scopes: the grant has to be woken for them. */
  readonly first: boolean;
  /** Why these scopes are not to be had; null: that is not known. */
  refusal(): Failure | null;
  /** Resolves once the grant may be another than when it last did, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>;
  /** It may be called twice. */
  leave(): void;
};

type Room = {
  /** Rises with everything that may have changed. */
  version: number;
  /** What is wanted, by its scopes, and by how many. */
  readonly wishes: Map<string, { count: number; rejected: number | null; refusal: Failure | null }>;
  readonly listeners: Set<() => void>;
  looking: NodeJS.Timeout | undefined;
};

function latest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

function tell(room: Room): void {
  room.version += 1;
  for (const listener of [...room.listeners]) listener();
}

function changed(room: Room, heard: { version: number }, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      heard.version = room.version;
      room.listeners.delete(done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted || room.version !== heard.version) return done();
    room.listeners.add(done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function once(task: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    task();
  };
}
