import type { Channel, Message } from '../../src/channels/contract.ts';
import type { Commands } from '../../src/engine/commands.ts';
import type { GrantCommands, HandedOut } from '../../src/engine/grants/contract.ts';
import type { AlertKind, Change, Clock, Mark, Secret } from '../../src/model/index.ts';
import type { OAuthClient, Provider } from '../../src/providers/contract.ts';
import type { Rules } from '../../src/rotation/index.ts';
import type { State } from '../../src/state/contract.ts';
import type { SpooledAnswer } from '../../src/state/spool.ts';
import type { Store } from '../../src/stores/contract.ts';
import type { Authorizer } from './authorizer.ts';
import type { Database } from './database.ts';
import type { Effect, Fault, Struck } from './faults.ts';
import type { Issuer, Key } from './issuer.ts';
import type { Ledger } from './ledger.ts';
import type { Plan } from './plan.ts';
import type { Place } from './shelf.ts';
import type { Stream } from './streams.ts';
import type { Trace } from './trace.ts';

/*
 * What the parts of the simulation know of one another: the world, the machines in it, and the processes on these.
 */

/** One effect on the world. `apply` is what it does there, at the moment it arrives; it throws what the engine is told. */
export type Call<T> = {
  readonly effect: Effect;
  readonly target: string;
  readonly apply: () => T;
  /** What it does instead, where this fault strikes; given the fault's extent. */
  readonly bent?: Partial<Readonly<Record<Fault, (extent: number) => unknown>>>;
};

/** One process from its start to its death. */
export type Life = {
  readonly machine: Machine;
  readonly number: number;
  alive: boolean;
  /** Paused until then. */
  pausedUntil: number;
  /** Whether it has heard yet what time it is at the authorization server. */
  serverTimeKnown: () => boolean;
  go(task: () => void): void;
  after(ms: number, task: () => void): void;
  going(): Promise<void>;
  clock(): Clock;
  call<T>(call: Call<T>): Promise<T>;
};

/** Where a daemon runs: its clock and its spool outlive it. */
export type Machine = {
  readonly index: number;
  /** How far the wall clock is ahead of the world's time, ms. */
  skew: number;
  /** The database takes no writes from here before this time. */
  refusesUntil: number;
  readonly spooled: Map<string, SpooledAnswer>;
  readonly life: Life | null;
  readonly commands: Commands | null;
  readonly grants: GrantCommands | null;
  crash(ms: number): void;
  pause(ms: number): void;
  step(ms: number): void;
  poll(logs?: boolean): void;
};

/** A message as a channel has it. */
export type Arrival = { readonly at: number; readonly channel: string; readonly message: Message };

/** A time in which something could not do its part: what may excuse an outage. */
export type Trouble = { readonly scope: string; readonly from: number; readonly to: number };

/** When an alert was raised, and when it was last known to hold, by the world's time and whatever became of the state. */
export type Telling = {
  readonly kind: AlertKind;
  readonly condition: string;
  readonly firstAt: number;
  readonly lastAt: number;
};

export type Failed = { readonly invariant: string; readonly message: string; readonly at: number };

/** Everything there is, as its parts see it. */
export type World = {
  readonly plan: Plan;
  readonly bent: Bent;
  readonly database: Database;
  readonly trace: Trace;
  readonly people: Stream;
  readonly repeats: Stream;
  readonly issuer: Issuer;
  readonly authorizer: Authorizer;
  readonly places: readonly Place[];
  readonly machines: readonly Machine[];
  readonly arrivals: Arrival[];
  readonly troubles: Trouble[];
  readonly struck: Struck[];
  readonly healsAt: number;
  readonly endsAt: number;
  readonly claimFor: number;
  /** What was ever committed, whatever became of the state since. */
  readonly intents: Set<string>;
  readonly everHeld: Set<string>;
  readonly tellings: Map<string, Telling>;
  readonly restores: number;
  /** When the state was last put back; null: never. */
  readonly restoredAt: number | null;
  readonly ledger: Ledger;
  /** Set where an engine was given something to do. */
  touched: boolean;
  readonly time: number;
  /** Since the begin, ms: what a monotonic clock shows. */
  readonly elapsed: number;
  /** True until faults stop. */
  readonly faulty: boolean;
  readonly untilHealed: number;
  at(ms: number, run: () => void): void;
  begin(effect: Effect, life: Life): { readonly fault: Fault | null; readonly stream: Stream };
  tell<Name extends keyof Moments>(name: Name, moment: Parameters<Moments[Name]>[0]): void;
  committed(changes: readonly Change[], life: Life): void;
  fail(invariant: Invariant, message: string): void;
  defect(error: unknown, where: string): void;
  trouble(scope: string, ms: number): void;
  outage(name: string, ms: number): void;
  spoil(place: Place, value: string | null, mark: Mark | null): void;
  restore(): void;
};

/** Where a bug can be planted: what the engine is handed, changed on its way. */
export type Bent = {
  readonly rules: Rules;
  readonly state: (state: State, life: Life) => State;
  readonly provider: (provider: Provider, clock: Clock) => Provider;
  readonly client: (client: OAuthClient, clock: Clock) => OAuthClient;
  readonly store: (store: Store<unknown>) => Store<unknown>;
  readonly channel: (channel: Channel) => Channel;
  readonly clock: (clock: Clock) => Clock;
  /** Whether stores compare what the writer had read with what stands there. */
  readonly fenced: boolean;
};

/** What invariants are told, at the moment it happens. */
export type Moments = {
  /** A commit stands; `before` is what stood until then. */
  onCommit(moment: {
    readonly changes: readonly Change[];
    readonly before: Ledger;
    readonly life: Life;
  }): void;
  /** A mint reached the provider. */
  onMint(moment: { readonly life: Life; readonly idempotencyKey: string }): void;
  /** Any call reached the provider. */
  onCall(moment: { readonly life: Life }): void;
  /** A value is about to stand at a destination. */
  onWrite(moment: {
    readonly life: Life;
    readonly place: Place;
    readonly mark: Mark;
    readonly value: string;
  }): void;
  /** A message is about to reach a channel. */
  onArrival(moment: { readonly life: Life; readonly channel: string; readonly message: Message }): void;
  /** A hook runs. */
  onHook(moment: { readonly life: Life; readonly place: Place; readonly mark: Mark }): void;
  /** Nine tenths of a key's overlap are over. */
  onKeyLate(moment: { readonly key: Key }): void;
  /** A key has just ended. */
  onKeyEnd(moment: { readonly key: Key }): void;
  /** A refresh token is presented, or would be if nothing struck it. */
  onRefresh(moment: { readonly life: Life; readonly token: string }): void;
  /** What came of that is known to its process. */
  onRefreshEnd(moment: { readonly life: Life; readonly token: string }): void;
  /** An application gets an access token. */
  onHandOut(moment: { readonly life: Life; readonly subject: string; readonly handed: HandedOut }): void;
  onLine(moment: { readonly line: string }): void;
  onSpooled(moment: { readonly answer: Secret }): void;
  /** Faults stopped an hour ago. */
  onHealedHour(moment: object): void;
  onEnd(moment: object): void;
};

/** One property of every run. Its methods throw nothing: they call {@link World.fail}. */
export type Invariant = { readonly number: number; readonly name: string } & Partial<Moments>;

/** Makes the invariant for one world. */
export type MakeInvariant = (world: World) => Invariant;
