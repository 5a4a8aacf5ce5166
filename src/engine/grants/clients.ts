import type { OAuthClientConfig } from '../../config/types.ts';
import type { Change, ClientPause, ClientRecord, Clock, RefreshAttempt } from '../../model/index.ts';
import { SECOND } from '../../model/index.ts';
import type { OAuthClient } from '../../providers/contract.ts';
import { blankClient, isPaused } from '../../rotation/grants/index.ts';
import type { State } from '../../state/contract.ts';
import { type EngineContext, named } from '../context.ts';
import type { Gate } from '../loop.ts';
import { ServerTime } from '../provider-time.ts';
import { Bucket } from './bucket.ts';
import { Round } from './round.ts';

/** For so long what was read of a client is taken to hold, where no commit of ours says otherwise, ms of steady time. */
const FRESH = SECOND;
/** For so long the number of its grants is taken to hold: it decides what counts as many. */
const COUNTED = 10 * SECOND;

/** While a breaker is open so many turns may find out whether theirs is a request to be sent again. */
const REPLAYS_AT_ONCE = 16;

/** A client's record as it was read. */
export type ReadClient = { readonly record: ClientRecord; readonly revision: number };

/** The OAuth clients of the configuration, at work. */
export class Clients {
  readonly #clients: ReadonlyMap<string, Client>;

  constructor(context: Pick<EngineContext, 'config' | 'plugins' | 'state' | 'clock'>) {
    const { config, plugins } = context;
    this.#clients = new Map(
      Object.values(config.oauthClients).map((own) => [
        own.name,
        new Client(context, own, named(plugins.clients, own.name)),
      ]),
    );
  }

  /** Undefined: the configuration has none of this name. */
  get(name: string): Client | undefined {
    return this.#clients.get(name);
  }

  get names(): readonly string[] {
    return [...this.#clients.keys()];
  }

  /** Reads what holds for each of them: before it, nothing is known of a pause. */
  async load(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.load()));
  }

  /** Takes in what a commit has brought. */
  committed(changes: readonly Change[]): void {
    for (const change of changes)
      if (change.type === 'client.put') this.#clients.get(change.record.client)?.committed(change.record);
  }
}

/** One of them: its rate, its pause, its server's time, and what is cheaper to keep for a moment than to read at each turn. */
export class Client {
  readonly config: OAuthClientConfig;
  readonly edge: OAuthClient;
  /** Of its own turns, through all its grants. */
  readonly round = new Round();
  readonly #state: State;
  readonly #clock: Clock;
  readonly #bucket: Bucket;
  readonly #time: ServerTime;
  readonly #record: Kept<ReadClient>;
  readonly #grants: Kept<number>;
  #known: ClientRecord | null = null;
  #replaysUntil = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    { state, clock }: Pick<EngineContext, 'state' | 'clock'>,
    config: OAuthClientConfig,
    edge: OAuthClient,
  ) {
    this.config = config;
    this.edge = edge;
    this.#state = state;
    this.#clock = clock;
    this.#time = new ServerTime(clock, edge);
    this.#bucket = new Bucket(config.requestsPerMinute, clock.steady());
    this.#record = new Kept(clock, FRESH, () => this.#read());
    this.#grants = new Kept(clock, COUNTED, () => this.#count());
  }

  /** By its server's clock. */
  now(): number {
    return this.#time.now();
  }

  /**
   * Reads what held when the daemon last ran. What it sent then may still be within the server's grace, whatever breaker was
   * open.
   */
  async load(): Promise<void> {
    await this.read();
    const { refreshGrace } = this.config.policy;
    if (refreshGrace > 0) this.#replaysUntil = this.now() + refreshGrace;
  }

  /** What holds for the client, read a second ago at most. */
  read(): Promise<ReadClient> {
    return this.#record.get();
  }

  /** How many grants it has, active or not. */
  grants(): Promise<number> {
    return this.#grants.get();
  }

  /** How long nothing is sent for it, ms; 0: it is not paused. */
  get pausedMs(): number {
    const now = this.now();
    const pause = this.#known?.pause ?? null;
    return this.#known !== null && pause !== null && isPaused(this.#known, now) ? pause.until - now : 0;
  }

  /**
   * How long no code is exchanged, ms: while the server asks to be left alone, or is away. That it refuses the client's secret,
   * or many grants, a user before a browser finds out soonest.
   */
  get exchangesPausedMs(): number {
    const why = this.#known?.pause?.why;
    return why === 'rate-limited' || why === 'unavailable' ? this.pausedMs : 0;
  }

  /** Takes a permit for a turn that may send something. Whoever takes it ends it. */
  permit(): Permit {
    return new Permit(this.#bucket, this.#clock);
  }

  /** A request that may have been processed is to be sent again while the server's grace lasts: no breaker holds it up. */
  replays({ sentAt }: Pick<RefreshAttempt, 'sentAt'>): void {
    this.#replaysUntil = Math.max(this.#replaysUntil, sentAt + this.config.policy.refreshGrace);
  }

  /** One after another, for what changes the client's record: `task` is given it as it is now. */
  alone<T>(task: (read: () => Promise<ReadClient>) => Promise<T>): Promise<T> {
    const fresh = () => {
      this.#record.forget();
      return this.#record.get();
    };
    const mine = this.#queue.then(() => task(fresh));
    this.#queue = mine.catch(() => undefined);
    return mine;
  }

  committed(record: ClientRecord): void {
    this.#known = record;
    this.#record.forget();
  }

  /** Shut while the client is paused or out of its rate; after a pause one at a time may try. */
  get gate(): Gate {
    return {
      room: (running) => {
        const room = this.#bucket.room(this.#clock.steady());
        const pause = this.#known?.pause ?? null;
        if (pause === null) return room;
        const most = this.pausedMs === 0 ? 1 : this.#replaying(pause) ? REPLAYS_AT_ONCE : 0;
        return Math.min(room, Math.max(0, most - running));
      },
      lookAgainMs: () => {
        const paused = this.pausedMs;
        return (paused > 0 ? paused : this.#bucket.waitMs(this.#clock.steady())) || null;
      },
    };
  }

  #replaying({ why }: ClientPause): boolean {
    return why === 'unavailable' && this.now() < this.#replaysUntil;
  }

  async #read(): Promise<ReadClient> {
    const { record, revision } = await this.#state.client(this.config.name);
    const read = { record: record ?? blankClient(this.config.name), revision };
    this.#known = read.record;
    return read;
  }

  async #count(): Promise<number> {
    const counts = await this.#state.grantCounts(this.config.name);
    return counts.active + counts['consent-required'];
  }
}

/** A turn's leave to send: what it took from the client's rate and did not use, it gives back. */
export class Permit {
  readonly #bucket: Bucket;
  readonly #clock: Clock;
  #unused = true;

  constructor(bucket: Bucket, clock: Clock) {
    this.#bucket = bucket;
    this.#clock = clock;
    bucket.take(clock.steady());
  }

  /** Takes leave for the turn's next request, beside the first; false: there is no room for it. */
  more(): boolean {
    if (this.#unused) return true;
    const now = this.#clock.steady();
    if (this.#bucket.room(now) < 1) return false;
    this.#bucket.take(now);
    this.#unused = true;
    return true;
  }

  /** In how many ms there is room for one more. */
  get roomInMs(): number {
    return this.#bucket.waitMs(this.#clock.steady());
  }

  /** How long what it took ahead of time is waited for, ms; right after it was taken. */
  get aheadMs(): number {
    return this.#bucket.aheadMs(this.#clock.steady());
  }

  /** Call it right before each request. */
  spend(): void {
    if (this.#unused) this.#unused = false;
    else this.#bucket.take(this.#clock.steady());
  }

  end(): void {
    if (this.#unused) this.#bucket.giveBack(this.#clock.steady());
    this.#unused = false;
  }
}

/** A value that is read anew once it is too old; those who ask at the same moment share one read. */
class Kept<T> {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #load: () => Promise<T>;
  #value: { readonly reading: Promise<T>; readonly at: number } | null = null;

  constructor(clock: Clock, forMs: number, load: () => Promise<T>) {
    this.#clock = clock;
    this.#forMs = forMs;
    this.#load = load;
  }

  get(): Promise<T> {
    const now = this.#clock.steady();
    if (this.#value !== null && now - this.#value.at < this.#forMs) return this.#value.reading;
    const value = { reading: this.#load(), at: now };
    this.#value = value;
    value.reading.catch(() => {
      if (this.#value === value) this.#value = null;
    });
    return value.reading;
  }

  /** The next who asks reads it, also where a read is under way that may have missed what has changed. */
  forget(): void {
    this.#value = null;
  }
}
