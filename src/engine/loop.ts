import type { Claim, Clock, Log } from '../model/index.ts';
import { failureOf, MINUTE, SECOND } from '../model/index.ts';
import { backoff } from '../rotation/index.ts';
import { type State, StateError } from '../state/contract.ts';

/** What is bounded together, how many of it may run at once, and what else bounds it. */
export type Lane = { readonly name: string; readonly capacity: number; readonly gate?: Gate };

/** What lets a lane's records begin, beside its capacity. */
export type Gate = {
  /** How many more may begin now, where `running` do. */
  room(running: number): number;
  /** Where there is no room: in how many ms to look again; null: when a turn of the lane ends, or somebody wakes the loop. */
  lookAgainMs(): number | null;
};

/** Performs one claimed record's turn and releases the claim in its last commit. */
export type Handler = (claim: Claim) => Promise<void>;

/** A turn that failed for a reason nobody planned for is tried again after this long. */
const AFTER_DEFECT = MINUTE;

/**
 * On SQLite a claim ends with its release or with the process (the file lock proves the former owner dead), so a
 * step of the wall clock cannot take a record from under a running effect. ms.
 */
export const WHILE_IT_LIVES = 100 * 365 * 24 * 60 * MINUTE;

/** A claim outlives any request that is sent under it, and its outcome's way to the state, ms. */
const SHORTEST_CLAIM = 90 * SECOND;

export type LoopContext = {
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a claim holds, ms; 90 s at least. */
  readonly claimFor: number;
};

/**
 * The one loop: claims what is due in each lane up to its capacity, hands it to its handler, and sleeps until the
 * next due time or the next {@link Loop.wake}. A lane that is full or stuck holds up no other.
 */
export class Loop {
  readonly #context: LoopContext;
  readonly #lanes: readonly Lane[];
  readonly #handle: Handler;
  readonly #running = new Map<string, Set<Promise<void>>>();
  readonly #pauses = new Set<() => void>();
  #cancelTimer: () => void = () => undefined;
  #turning: Promise<void> | null = null;
  #again = false;
  /** Nothing more is claimed. */
  #stopped = false;
  /** What runs gives up what it cannot get into the state. */
  #ending = false;
  #turns = 0;
  /** The lanes that are drained before a stop, and whom to tell once nothing of them is due; null: none is. */
  #draining: { readonly lanes: ReadonlySet<string>; readonly done: () => void } | null = null;
  /** Turns in succession that could not read what is due; only their spacing depends on it. */
  #failures = 0;
  /** Turns the one that has taken its place. */
  #passOn: () => void = () => undefined;

  /** @throws {RangeError} claims that are too short */
  constructor(context: LoopContext, lanes: readonly Lane[], handle: Handler) {
    if (context.claimFor < SHORTEST_CLAIM)
      throw new RangeError(`a claim must hold for ${SHORTEST_CLAIM / SECOND} s at least`);
    this.#context = context;
    this.#lanes = lanes;
    this.#handle = handle;
    for (const { name } of lanes) this.#running.set(name, new Set());
  }

  /** How often it has turned; ready means: at least once. */
  get turns(): number {
    return this.#turns;
  }

  /** True while it looks for due work: then it goes on by itself, also where nothing that it waits for comes. */
  get turning(): boolean {
    return this.#turning !== null;
  }

  /** Handlers that run, and the loop itself while it looks for due work; 0: at rest until a due time or a wake. */
  get active(): number {
    const handlers = [...this.#running.values()].reduce((sum, tasks) => sum + tasks.size, 0);
    return handlers - this.#pauses.size + (this.#turning === null ? 0 : 1);
  }

  /** Turns now, or once more where it is turning already. */
  wake(): void {
    if (this.#stopped) {
      this.#passOn();
      return;
    }
    this.#again = true;
    this.#turning ??= this.#turn().finally(() => {
      this.#turning = null;
      if (this.#again) this.wake();
    });
  }

  /**
   * Claims nothing more but in these lanes, until nothing of them is due or runs, at most for `ms` of real time. A stop
   * follows.
   */
  async drain(lanes: readonly string[], ms: number): Promise<void> {
    if (this.#stopped || (this.#turns === 0 && this.#turning === null)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#draining = { lanes: new Set(lanes), done: resolve };
    const late = AbortSignal.timeout(ms);
    late.addEventListener('abort', () => resolve(), { once: true });
    this.wake();
    await promise;
  }

  /**
   * Claims nothing more and waits until what runs has ended, at most `ms` of real time. True where all has ended. The process
   * ends: whose claim cannot be released gives up.
   */
  stop(ms: number): Promise<boolean> {
    this.#ending = true;
    return this.park(ms);
  }

  /** As {@link Loop.stop}, in a process that lives on: what has not ended by then goes on until it has. */
  async park(ms: number): Promise<boolean> {
    this.#stopped = true;
    this.#cancelTimer();
    for (const end of [...this.#pauses]) end();
    await this.#turning;
    const open = [...this.#running.values()].flatMap((tasks) => [...tasks]);
    const late = AbortSignal.timeout(ms);
    const timedOut = new Promise<false>((done) =>
      late.addEventListener('abort', () => done(false), { once: true }),
    );
    return Promise.race([Promise.allSettled(open).then(() => true as const), timedOut]);
  }

  /** Whoever wakes it once it is stopped wakes its successor. */
  succeeded(wake: () => void): void {
    this.#passOn = wake;
  }

  /** Resolves once nothing of what runs is left. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].flatMap((tasks) => [...tasks]));
  }

  async #turn(): Promise<void> {
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        const draining = this.#draining;
        const open = this.#lanes.filter(({ name }) => draining?.lanes.has(name) ?? true);
        const free = open.filter((lane) => this.#room(lane) > 0);
        // What ends while it is read what is due may have kept its lane from being looked at.
        const idle = open.every((lane) => this.#count(lane) === 0);
        const opensAt = this.#opensAt();
        const next = await this.#context.state.nextDue(free.map(({ name }) => name));
        const now = this.#context.clock.now();
        const due = free.filter(({ name }) => (next.get(name) ?? Infinity) <= now);
        // Side by side, so that all lanes share one transaction of the state.
        await Promise.all(due.map((lane) => this.#claim(lane)));
        this.#turns += 1;
        // Records that are due again at once must not keep the process from its sockets, timers and signals.
        await new Promise((resolve) => setImmediate(resolve));
        if (due.length > 0) this.#again = true;
        else this.#sleepUntil(Math.min(opensAt, ...next.values()));
        if (due.length === 0 && idle) draining?.done();
      }
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      const pause = backoff(this.#failures, {});
      const message = `the loop could not read its due work; it tries again in ${pause / SECOND} s`;
      this.#context.log.error({ error }, message);
      this.#cancelTimer();
      this.#cancelTimer = this.#context.clock.after(pause, () => this.wake());
    }
  }

  /** How many more may begin in this lane now. */
  #room(lane: Lane): number {
    const free = this.#free(lane);
    return lane.gate === undefined || free <= 0 ? free : Math.min(free, lane.gate.room(this.#count(lane)));
  }

  /** What its capacity leaves. */
  #free(lane: Lane): number {
    return lane.capacity - this.#count(lane);
  }

  #count({ name }: Lane): number {
    return this.#running.get(name)?.size ?? 0;
  }

  /** When the first of the gates that are shut is to be looked at again; Infinity: something else wakes us for them. */
  #opensAt(): number {
    const now = this.#context.clock.now();
    const times = this.#lanes.map((lane) => {
      const waits = lane.gate !== undefined && this.#free(lane) > 0 && this.#room(lane) <= 0;
      return now + ((waits ? lane.gate?.lookAgainMs() : null) ?? Infinity);
    });
    return Math.min(...times);
  }

  async #claim(lane: Lane): Promise<void> {
    const running = this.#running.get(lane.name);
    if (running === undefined) return;
    const { state, clock, claimFor } = this.#context;
    const now = clock.now();
    const limit = this.#room(lane);
    // A gate may have shut while the due times were read.
    if (limit <= 0) return;
    const claims = await state.claim(lane.name, { now, until: now + claimFor, limit });
    for (const claim of claims) this.#start(claim, running);
  }

  #start(claim: Claim, running: Set<Promise<void>>): void {
    const task = this.#handle(claim)
      .catch((error) => this.#afterDefect(claim, error))
      .finally(() => {
        running.delete(task);
        this.wake();
      });
    running.add(task);
  }

  /** No handler throws for a reason it foresees; whatever it was, the record must come back. */
  async #afterDefect(claim: Claim, error: unknown): Promise<void> {
    if (error instanceof StateError && error.code === 'claim_lost') return;
    this.#context.log.error(
      { error, kind: claim.kind, id: claim.id, failure: failureOf(error) },
      'a turn failed; it comes again in a minute',
    );
    // A state that takes no writes (a full disk) may take them again: until then the claim would hold its record.
    while (!(await this.#release(claim)) && !this.#ending) await this.pause(AFTER_DEFECT);
  }

  async #release(claim: Claim): Promise<boolean> {
    const { state, clock, log } = this.#context;
    try {
      await state.commit([], { hold: { claim, next: clock.now() + AFTER_DEFECT } });
      return true;
    } catch (error) {
      if (error instanceof StateError && error.code === 'claim_lost') return true;
      const fields = { error, kind: claim.kind, id: claim.id };
      log.error(
        fields,
        'the claim could not be released; it is tried again in a minute, and a restart frees it',
      );
      return false;
    }
  }

  /** Lets a handler rest for `ms` of wall time without counting as active; whoever stops or parks the loop ends it. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#context.clock.after(ms, end);
      this.#pauses.add(end);
    });
  }

  /** Infinity: until somebody wakes it. */
  #sleepUntil(next: number): void {
    const { clock } = this.#context;
    this.#cancelTimer();
    if (next !== Infinity && !this.#stopped)
      this.#cancelTimer = clock.after(Math.max(0, next - clock.now()), () => this.wake());
  }
}
