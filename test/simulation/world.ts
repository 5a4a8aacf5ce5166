import { type Alert, type Change, DAY, HOUR, type Mark, MINUTE } from '../../src/model/index.ts';
import { StateError } from '../../src/state/contract.ts';
import type { Copy } from '../../src/state/sqlite/testing/copies.ts';
import { act } from './acts.ts';
import { startApplications } from './applications.ts';
import { Authorizer } from './authorizer.ts';
import { STRAIGHT } from './bent.ts';
import { Consumer } from './consumer.ts';
import type { Database } from './database.ts';
import { type Chooser, type Effect, type Fault, SECOND_ENGINE, type Struck } from './faults.ts';
import type { Arrival, Bent, Failed, Invariant, Life, Moments, Telling, Trouble } from './ground.ts';
import { Heap } from './heap.ts';
import { INVARIANTS } from './invariants/index.ts';
import { Issuer, type Key } from './issuer.ts';
import { Ledger } from './ledger.ts';
import { lineOf } from './lines.ts';
import { Machine } from './machine.ts';
import { HEALED_AT, type Plan, type PlannedAct } from './plan.ts';
import { Place } from './shelf.ts';
import { Stream } from './streams.ts';
import { Trace } from './trace.ts';

/** A Thursday. */
const START = Date.UTC(2026, 9, 1, 9);

/** An engine that has not come to rest after so many turns of the event loop never will. */
const SPINNING = 2_000;

/** By this share of an overlap whoever is late has to be told. */
const MOST_OF_IT = 0.9;

/** How often replicas look for what another has left. */
const LOOK_EVERY = HOUR / 2;

/** How often the database is backed up where that matters. */
const BACKUP_EVERY = 2 * DAY;

export type WorldOptions = {
  readonly plan: Plan;
  readonly choose: Chooser;
  readonly database: Database;
  readonly bent?: Bent;
  /** Gives up after so many happenings. */
  readonly steps?: number;
};

/** Everything there is: the provider, the destinations, the people, and the machines with their engines. */
export class World {
  readonly plan: Plan;
  readonly bent: Bent;
  readonly database: Database;
  readonly trace = new Trace();
  readonly people: Stream;
  readonly repeats: Stream;
  readonly issuer: Issuer;
  readonly authorizer: Authorizer;
  readonly places: readonly Place[];
  readonly machines: readonly Machine[];
  readonly arrivals: Arrival[] = [];
  readonly troubles: Trouble[] = [];
  readonly struck: Struck[] = [];
  /** `effect` and `effect fault`: what was reached. */
  readonly reached = new Map<string, number>();
  readonly healsAt: number;
  readonly endsAt: number;
  readonly claimFor: number;
  /** What was ever committed, whatever became of the state since. */
  readonly intents = new Set<string>();
  readonly everHeld = new Set<string>();
  readonly tellings = new Map<string, Telling>();
  restores = 0;
  restoredAt: number | null = null;
  ledger = new Ledger();
  failed: Failed | null = null;
  /** Set where an engine was given something to do. */
  touched = false;
  happenings = 0;
  #time = START;
  readonly #awaiting: PlannedAct[] = [];
  readonly #heap = new Heap();
  readonly #choose: Chooser;
  readonly #steps: number;
  readonly #invariants: readonly Invariant[];
  #backup: { readonly copy: Copy; readonly ledger: Ledger } | null = null;

  constructor({ plan, choose, database, bent = STRAIGHT, steps = 200_000 }: WorldOptions) {
    this.plan = plan;
    this.bent = bent;
    this.database = database;
    this.people = new Stream(plan.seed, 'people');
    this.repeats = new Stream(plan.seed, 'repeats');
    this.#choose = choose;
    this.#steps = steps;
    this.healsAt = START + plan.days * HEALED_AT * DAY;
    this.endsAt = START + plan.days * DAY;
    this.claimFor = plan.engines > 1 ? 15 * MINUTE : 36_500 * DAY;
    this.issuer = new Issuer({
      ...plan,
      now: () => this.#time,
      onEnding: (key) => this.#endsLater(key),
    });
    this.authorizer = new Authorizer({ seed: plan.seed, ...plan.grants, now: () => this.#time });
    this.places = plan.places.map(({ name, lag }) => new Place(name, lag));
    this.machines = Array.from({ length: plan.engines }, (_, index) => new Machine(this, index));
    this.#invariants = INVARIANTS.map((make) => make(this));
  }

  get time(): number {
    return this.#time;
  }

  /** Since the begin, ms: what a monotonic clock shows. */
  get elapsed(): number {
    return this.#time - START;
  }

  /** True until faults stop. */
  get faulty(): boolean {
    return this.#time < this.healsAt;
  }

  get untilHealed(): number {
    return Math.max(0, this.healsAt - this.#time);
  }

  at(ms: number, run: () => void): void {
    this.#heap.push(this.#time + ms, run);
  }

  #endsLater(key: Key): void {
    const left = (key.endsAt ?? 0) - this.#time;
    this.at(left * MOST_OF_IT, () => this.tell('onKeyLate', { key }));
    this.at(left, () => this.tell('onKeyEnd', { key }));
  }

  /** An effect begins: which of its kind it is, what strikes it, and a stream of its own for how. */
  begin(effect: Effect, life: Life): { readonly fault: Fault | null; readonly stream: Stream } {
    const nth = this.#count(effect);
    this.#actDuring(effect);
    if (life.machine.index > 0) this.#count(`${effect} ${SECOND_ENGINE}`);
    const fault = this.faulty ? this.#choose(effect, nth) : null;
    if (fault !== null) {
      this.struck.push({ effect, nth, fault });
      this.#count(`${effect} ${fault}`);
    }
    return { fault, stream: new Stream(this.plan.seed, `effect ${effect} ${nth}`) };
  }

  #actDuring(effect: Effect): void {
    const index = this.#awaiting.findIndex(({ during }) => during === effect);
    const [planned] = index < 0 ? [] : this.#awaiting.splice(index, 1);
    if (planned !== undefined && this.faulty) this.at(1, () => act(this, planned.act));
  }

  #count(name: string): number {
    const count = (this.reached.get(name) ?? 0) + 1;
    this.reached.set(name, count);
    return count;
  }

  tell<Name extends keyof Moments>(name: Name, moment: Parameters<Moments[Name]>[0]): void {
    for (const invariant of this.#invariants) {
      const hear = invariant[name] as ((moment: Parameters<Moments[Name]>[0]) => void) | undefined;
      hear?.call(invariant, moment);
    }
  }

  /** A commit of this process stands. */
  committed(changes: readonly Change[], life: Life): void {
    const before = this.ledger;
    this.tell('onCommit', { changes, before, life });
    for (const change of changes) {
      this.ledger.apply(change);
      if (change.type === 'rotation.put' && change.rotation.intent !== null)
        this.intents.add(change.rotation.intent.idempotencyKey);
      if (change.type === 'alert.put') this.#note(change.alert);
      if (change.type === 'version.put' && change.value !== undefined)
        this.everHeld.add(change.value.reveal());
      this.trace.add(`  ${life.machine.index}.${life.number} ${lineOf(change)}`);
    }
  }

  #note({ id, kind, identity }: Alert): void {
    const [, , condition] = JSON.parse(identity) as readonly [string, string, string];
    const firstAt = this.tellings.get(id)?.firstAt ?? this.#time;
    this.tellings.set(id, { kind, condition, firstAt, lastAt: this.#time });
  }

  /** The first failure counts. */
  fail({ number, name }: Invariant, message: string): void {
    this.failed ??= {
      invariant: `invariant ${number}`,
      message: `invariant ${number} (${name}): ${message}`,
      at: this.#time,
    };
  }

  /** Something that no part of the product foresees was thrown. */
  defect(error: unknown, where: string): void {
    if (error instanceof StateError) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.failed ??= { invariant: 'defect', message: `defect: ${where}: ${text}`, at: this.#time };
  }

  trouble(scope: string, ms: number): void {
    this.troubles.push({ scope, from: this.#time, to: Math.min(this.#time + ms, this.healsAt) });
  }

  outage(name: string, ms: number): void {
    const place = this.places.find((each) => each.name === name);
    if (place === undefined) return;
    place.outageUntil = Math.min(this.healsAt, this.#time + ms);
    this.trouble(`place ${name}`, ms);
  }

  /** Somebody, or the store itself, puts something else there. */
  spoil(place: Place, value: string | null, mark: Mark | null): void {
    this.trace.add(`${this.#time} ${place.name} is spoiled`);
    place.put({ since: this.#time, value, mark });
    place.spoiledAt.push(this.#time);
  }

  /** Every process dies, and the state is what it was at the last backup. */
  restore(): void {
    const backup = this.#backup;
    for (const machine of this.machines) if (machine.life !== null) machine.crash(10 * MINUTE);
    if (backup === null) return;
    this.trace.add(`${this.#time} the state is restored`);
    this.restores += 1;
    this.restoredAt = this.#time;
    // Once nothing is open any more.
    this.at(1, () => {
      this.database.restore(backup.copy);
      this.ledger = backup.ledger.copy();
    });
  }

  async run(): Promise<void> {
    this.#begin();
    await this.#drain();
    for (;;) {
      const next = this.#heap.next;
      if (next === null || next > this.endsAt || this.failed !== null) break;
      if (this.happenings >= this.#steps) return;
      const happening = this.#heap.pop();
      this.#time = next;
      this.happenings += 1;
      happening?.run();
      if (this.touched) await this.#drain();
    }
    if (this.failed === null) this.tell('onEnd', {});
    for (const machine of this.machines) machine.drop();
  }

  #begin(): void {
    const { plan } = this;
    for (const machine of this.machines) machine.start();
    for (const [index, place] of this.places.entries()) new Consumer(this, place, index).start(plan.useEvery);
    this.#every(plan.pollEvery, () => this.#poll());
    // The schedule looks every ten seconds; what a replica left behind when it died is nobody's timer.
    if (plan.engines > 1) {
      this.#every(LOOK_EVERY, () => {
        for (const machine of this.machines) machine.poll(false);
      });
    }
    if (plan.rates.restore !== undefined || plan.days < 20)
      this.#every(BACKUP_EVERY, () => this.#makeBackup());
    for (const planned of plan.acts) {
      const { at, during } = planned;
      this.at(at, () => (during === null ? act(this, planned.act) : this.#awaiting.push(planned)));
    }
    startApplications(this);
    this.at(this.healsAt - START, () => this.#heal());
  }

  #every(ms: number, run: () => void): void {
    this.at(ms, () => {
      run();
      this.#every(ms, run);
    });
  }

  /** The log is one: replicas that read it one after the other would find nothing new. */
  #poll(): void {
    const living = this.machines.filter(({ life }) => life !== null && life.pausedUntil <= this.#time);
    for (const [index, machine] of living.entries()) machine.poll(index === 0);
  }

  #makeBackup(): void {
    if (!this.faulty) return;
    this.#backup = { copy: this.database.backup(), ledger: this.ledger.copy() };
  }

  #heal(): void {
    this.trace.add(`${this.#time} healed`);
    for (const machine of this.machines) {
      machine.refusesUntil = 0;
      if (machine.skew !== 0) {
        machine.skew = 0;
        machine.lookSoon();
      }
    }
    for (const minutes of [1, 10, 30, 50]) {
      this.at(minutes * MINUTE, () => {
        for (const machine of this.machines) machine.poll();
      });
    }
    this.at(HOUR, () => this.tell('onHealedHour', {}));
  }

  /** What is to happen at this very moment may be what an engine waits for. */
  #isTurning(): boolean {
    return this.#heap.next !== this.#time && this.machines.some((machine) => machine.isTurning(this.#time));
  }

  /** Lets every engine do all that it can without the world's time going on. */
  async #drain(): Promise<void> {
    let turns = 0;
    do {
      this.touched = false;
      await turnOfTheEventLoop();
      turns += 1;
      if (turns > SPINNING) return this.defect(new Error('an engine turns without end'), 'the loop');
    } while (this.touched || this.#isTurning());
  }
}

function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
