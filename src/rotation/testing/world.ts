import { parseDuration } from '../../model/fields.ts';
import type { Mark, Raise, Rotation, RotationState, Signal, Version } from '../../model/index.ts';
import { DAY, MINUTE, SECOND, Secret } from '../../model/index.ts';
import { lateDestinations } from '../deadlines.ts';
import { fold, intend } from '../fold.ts';
import { plan } from '../plan.ts';
import type { RotationPolicy } from '../policy.ts';
import { foldPublication } from '../publication.ts';
import { type Admission, admit, type RotationRequest } from '../request.ts';
import type { Action, PolicyDestination, Situation } from '../situation.ts';
import { currentVersion, nextNumber } from '../versions.ts';
import { expectMayMint, expectSound } from './invariants.ts';
import { Memory } from './memory.ts';
import { INSTALLATION, Outside, type Shelf } from './outside.ts';
import { type FakeProvider, fingerprint } from './provider.ts';

const CREDENTIAL = 'frameflow-prod';
/** A Thursday. */
export const START = Date.UTC(2026, 9, 1, 9);

const POLICY: RotationPolicy = {
  every: 90 * DAY,
  overlap: 3 * DAY,
  first: 'scheduled',
  issuedAt: null,
  jitter: 0,
  window: null,
  overlapEnd: 'any',
  settle: { minimum: 30 * SECOND, budget: 2 * MINUTE, successes: 2 },
};

export type WorldOptions = {
  readonly policy?: Partial<RotationPolicy>;
  readonly spread?: number;
  readonly required?: readonly string[];
  readonly optional?: readonly string[];
  /** Of the required destinations, ms. */
  readonly consumerLag?: number;
};

/** More turns than this without waiting are a loop that would never end. */
const TURN_LIMIT = 50;

/** When a process that died is there again, ms. */
const RESTART = SECOND;

/**
 * A credential, its provider and its destinations on one table: runs the loop as the engine does, on a clock that the
 * test moves. Every commit and every mint is held against the invariants.
 *
 * @example
 * const world = World.managing();
 * world.advance('90d');
 * expect(world.current.number).toBe(2);
 */
export class World {
  now = START;
  policy: RotationPolicy;
  destinations: readonly PolicyDestination[];
  /** The script of crashes: true where the process dies after the effect, before its outcome is committed. */
  crashes: (action: Action) => boolean = () => false;
  readonly memory: Memory;
  readonly outside: Outside;
  /** Everything that was ever raised, repeats included. */
  readonly told: Raise[] = [];
  /** What has not been resolved. */
  readonly alerts = new Map<string, Raise>();
  /** Every action, in the order in which they were planned. */
  readonly actions: Action['do'][] = [];
  readonly #due = new Map<string, number>();
  readonly #spread: number;
  #ids = 0;

  constructor(options: WorldOptions = {}) {
    const { required = ['vault', 'file'], optional = [], spread = 0 } = options;
    this.policy = { ...POLICY, ...options.policy };
    this.#spread = spread;
    this.destinations = [
      ...required.map((id) => ({
        id,
        required: true,
        consumerLag: options.consumerLag ?? 0,
        lane: `store:${id}`,
      })),
      ...optional.map((id) => ({ id, required: false, consumerLag: 0, lane: `store:${id}` })),
    ];
    this.outside = new Outside(this.destinations);
    this.memory = new Memory({
      name: CREDENTIAL,
      provider: 'frameflow',
      state: 'new',
      firstSeenAt: START,
      lastError: null,
      attempts: 0,
      retryAt: null,
    });
  }

  /** A world whose first key, configured, was adopted and published everywhere at {@link START}. */
  static managing(options: WorldOptions = {}): World {
    const world = new World(options);
    world.provider.issue('first', world.now);
    world.outside.configured = 'first';
    world.wake();
    return world;
  }

  /** The only current version. @throws {TypeError} where there is none */
  get current(): Version {
    const current = currentVersion(this.memory.snapshot().versions);
    if (current === null) throw new TypeError('no version is current');
    return current;
  }

  get open(): Rotation | null {
    return this.memory.snapshot().open;
  }

  /** The newest rotation. @throws {TypeError} where there is none */
  get last(): Rotation {
    const last = [...this.memory.rotations.values()].at(-1);
    if (last === undefined) throw new TypeError('there is no rotation');
    return last;
  }

  /** The states of all rotations, oldest first. */
  get history(): RotationState[] {
    return [...this.memory.rotations.values()].map(({ state }) => state);
  }

  /** `number state` of all versions, newest first. */
  get versions(): string[] {
    return this.memory.snapshot().versions.map(({ number, state }) => `${number} ${state}`);
  }

  /** `kind condition severity` of what is unresolved. */
  get alarms(): string[] {
    return [...this.alerts.values()].map(({ kind, condition, severity }) =>
      [kind, condition, severity].filter((part) => part !== '').join(' '),
    );
  }

  /** How often `kind` was raised. */
  count(kind: Raise['kind']): number {
    return this.told.filter((raise) => raise.kind === kind).length;
  }

  get provider(): FakeProvider {
    return this.outside.provider;
  }

  get shelves(): Shelf[] {
    return this.destinations.map(({ id }) => this.outside.shelf(id));
  }

  /** @throws {TypeError} for a destination that is not configured */
  shelf(id: string): Shelf {
    return this.outside.shelf(id);
  }

  /** A mark as Keywarden writes it. */
  mark(number: number, fields: Partial<Mark> = {}): Mark {
    return {
      installation: INSTALLATION,
      credential: CREDENTIAL,
      number,
      versionId: `version-${number}`,
      keyId: `key_marked_${number}`,
      createdAt: START - 10 * DAY,
      ...fields,
    };
  }

  situation(): Situation {
    const snapshot = this.memory.snapshot();
    return {
      installation: INSTALLATION,
      policy: this.policy,
      destinations: this.destinations,
      snapshot,
      steps: snapshot.open === null ? [] : this.memory.stepsOf(snapshot.open.id),
      spread: this.#spread,
    };
  }

  /** Asks for a rotation, as a person would, and lets the loop do what it does at once. */
  rotate(request: Partial<RotationRequest> = {}): Admission {
    const wish = { emergency: false, reason: null, actor: 'ops', requestKey: null, ...request };
    const admission = admit(this.situation(), wish, this.#newId('rotation'), this.now);
    if (admission.admitted) {
      this.#commit([{ type: 'rotation.put', rotation: admission.rotation }], []);
      this.wake();
    }
    return admission;
  }

  /** Asks to look again for the newest working key. */
  adoptAgain(): void {
    this.#commit(
      [
        {
          type: 'credential.put',
          record: { ...this.memory.record, state: 'new', attempts: 0, retryAt: null },
        },
      ],
      [],
    );
    this.wake();
  }

  /** A person hands over a key that the provider accepts. */
  handOver(value: string): void {
    this.provider.issue(value, this.now);
    this.provider.test(value, this.now);
    const { versions } = this.memory.snapshot();
    const version: Version = {
      id: this.#newId('version'),
      credential: CREDENTIAL,
      number: nextNumber(versions),
      keyId: null,
      state: 'pending',
      origin: 'imported',
      fingerprint: fingerprint(value),
      createdAt: this.now,
      expiresAt: null,
    };
    this.#commit([{ type: 'version.put', version, value: Secret.from(value) }], []);
    this.wake();
  }

  /** Makes a destination due, as a repair or a check for drift would. */
  wakeDestination(id: string): void {
    this.#due.set(`${CREDENTIAL} ${id}`, this.now);
    this.advance('0s');
  }

  /** Makes the credential due now and runs all that is due. */
  wake(): void {
    this.#due.set(CREDENTIAL, this.now);
    this.advance('0s');
  }

  /** Nobody runs the loop for so long. */
  sleep(duration: string): void {
    this.now += parseDuration(duration) ?? Number.NaN;
  }

  /** Moves the clock on and runs everything at its due time. */
  advance(duration: string | number): void {
    const until =
      this.now + (typeof duration === 'number' ? duration : (parseDuration(duration) ?? Number.NaN));
    for (;;) {
      const [id, dueAt] = this.#nextDue();
      if (id === null || dueAt > until) break;
      this.now = Math.max(this.now, dueAt);
      this.#due.delete(id);
      if (id === CREDENTIAL) this.#turnCredential();
      else this.#turnPublication(id.slice(CREDENTIAL.length + 1));
    }
    this.now = until;
  }

  #nextDue(): readonly [string | null, number] {
    let next: readonly [string | null, number] = [null, Number.POSITIVE_INFINITY];
    for (const due of this.#due) if (due[1] < next[1]) next = due;
    return next;
  }

  /** When the credential is due next; null: not before something wakes it. */
  get dueAt(): number | null {
    return this.#due.get(CREDENTIAL) ?? null;
  }

  #turnCredential(): void {
    for (let turns = 0; turns < TURN_LIMIT; turns += 1) {
      const situation = this.situation();
      const action = plan(situation, this.now, () => this.#newId('intent'));
      this.actions.push(action.do);
      if (action.do === 'wait') {
        this.#commit([], lateDestinations(situation, this.now));
        if (action.until === null) return;
        if (action.until <= this.now) throw new Error(`broken: waits for a moment that has passed`);
        this.#due.set(CREDENTIAL, action.until);
        return;
      }
      this.#commit(intend(situation, action, this.now), []);
      if (action.do === 'mint') expectMayMint(this.memory, action, this.now);
      const outcome = this.outside.perform(action, this.memory, this.now);
      if (this.crashes(action)) {
        this.#due.set(CREDENTIAL, this.now + RESTART);
        return;
      }
      const { changes, signals } = fold(situation, action, outcome, this.now, () => this.#newId('id'));
      this.#commit(changes, signals);
    }
    throw new Error(`broken: ${TURN_LIMIT} turns without waiting: ${this.actions.slice(-6).join(', ')}`);
  }

  #turnPublication(id: string): void {
    const snapshot = this.memory.snapshot();
    const wanted = currentVersion(snapshot.versions);
    if (wanted === null) return;
    const { next, changes, signals } = foldPublication(
      {
        destination:
          snapshot.destinations.find((destination) => destination.id === id) ?? this.memory.unseen(id),
        wanted,
        snapshot,
        steps: this.situation().steps,
        consumerLag: this.destinations.find((destination) => destination.id === id)?.consumerLag ?? 0,
      },
      this.outside.publish(id, wanted, this.memory, this.now),
      this.now,
    );
    this.#commit(changes, signals);
    if (next !== null) this.#due.set(`${CREDENTIAL} ${id}`, next);
  }

  #commit(changes: ReturnType<typeof intend>, signals: readonly Signal[]): void {
    for (const change of changes) {
      if (change.type === 'work.put') this.#due.set(change.work.id, change.work.dueAt);
      else if (change.type === 'work.wake') {
        const { id, at } = change;
        this.#due.set(id, Math.min(at, this.#due.get(id) ?? at));
      } else this.memory.apply(change);
    }
    for (const signal of signals) {
      const identity = `${signal.kind} ${signal.condition}`;
      if (signal.type === 'resolve') this.alerts.delete(identity);
      else {
        this.told.push(signal);
        if (signal.transient !== true) this.alerts.set(identity, signal);
      }
    }
    const matters = changes.some(({ type }) => type === 'version.put' || type === 'rotation.put');
    if (matters) expectSound(this.memory, this.provider);
  }

  #newId(what: string): string {
    this.#ids += 1;
    return `${what}-${this.#ids}`;
  }
}
