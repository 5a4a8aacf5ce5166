import { parseDuration } from '../../model/fields.ts';
import type { KeyUser, ObservedMint, Version } from '../../model/index.ts';
import { DAY, HOUR, MINUTE, SECOND, Secret } from '../../model/index.ts';
import type { DriftPolicy } from '../drift.ts';
import { endEarly } from '../end.ts';
import { fold, intend } from '../fold.ts';
import type { Folded } from '../folded.ts';
import { plan } from '../plan.ts';
import type { RotationPolicy } from '../policy.ts';
import { foldPublication } from '../publication.ts';
import { type Admission, admit, givesWay, type RotationRequest } from '../request.ts';
import type { Action, PolicyDestination, Situation } from '../situation.ts';
import { standing } from '../standing.ts';
import { currentVersion, nextNumber } from '../versions.ts';
import { expectMayMint, expectNoRollbackOverdue, Pace } from './invariants.ts';
import { CREDENTIAL, Ledger, START } from './ledger.ts';
import { INSTALLATION, Outside, type Shelf } from './outside.ts';
import { fingerprint } from './provider.ts';

export { START } from './ledger.ts';

const POLICY: RotationPolicy = {
  mode: 'automatic',
  remindBefore: [14 * DAY, 3 * DAY],
  inactivity: null,
  keepAlive: null,
  warnBefore: [DAY, 6 * HOUR],
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
export class World extends Ledger {
  now = START;
  policy: RotationPolicy;
  /** Destinations are read back once a day. */
  drift: DriftPolicy = { check: DAY, onDrift: 'alert' };
  destinations: readonly PolicyDestination[];
  /** The script of crashes: true where the process dies after the effect, before its outcome is committed. */
  crashes: (action: Action) => boolean = () => false;
  /** Who the log has shown. */
  users: KeyUser[] = [];
  /** When the log last showed the current key in use. */
  usedAt = 0;
  /** False while nobody knows the provider's time. */
  timeKnown = true;
  /** Every action, in the order in which they were planned. */
  readonly actions: Action['do'][] = [];
  readonly #pace = new Pace();
  readonly #spread: number;
  #ids = 0;
  #read = 0;

  constructor(options: WorldOptions = {}) {
    const { required = ['vault', 'file'], optional = [], spread = 0 } = options;
    const destinations = [
      ...required.map((id) => ({
        id,
        required: true,
        consumerLag: options.consumerLag ?? 0,
        lane: `store:${id}`,
      })),
      ...optional.map((id) => ({ id, required: false, consumerLag: 0, lane: `store:${id}` })),
    ];
    super(new Outside(destinations));
    this.policy = { ...POLICY, ...options.policy };
    this.#spread = spread;
    this.destinations = destinations;
  }

  /** A world whose first key, configured, was adopted and published everywhere at {@link START}. */
  static managing(options: WorldOptions = {}): World {
    const world = new World(options);
    world.provider.issue('first', world.now);
    world.outside.configured = 'first';
    world.wake();
    return world;
  }

  get shelves(): Shelf[] {
    return this.destinations.map(({ id }) => this.shelf(id));
  }

  situation(): Situation {
    const snapshot = this.memory.snapshot();
    return {
      installation: INSTALLATION,
      policy: this.policy,
      destinations: this.destinations,
      snapshot,
      steps: snapshot.open === null ? [] : this.memory.stepsOf(snapshot.open.id),
      users: this.users,
      usedAt: lastUse(snapshot.versions, this.usedAt),
      timeKnown: this.timeKnown,
      spread: this.#spread,
    };
  }

  /** Asks for a rotation, as a person would, and lets the loop do what it does at once. */
  rotate(request: Partial<RotationRequest> = {}): Admission {
    const wish = { emergency: false, reason: null, actor: 'ops', requestKey: null, ...request };
    const admission = admit(this.situation(), wish, this.newId('rotation'), this.now);
    if (admission.admitted) {
      this.commit([{ type: 'rotation.put', rotation: admission.rotation }], []);
      this.wake();
    }
    return admission;
  }

  /** Asks to look again for the newest working key. */
  adoptAgain(): void {
    this.#makeRoom();
    this.commit(
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

  /**
   * A person hands over a key: a new one of the provider's console, or one that we had before. False where it is not
   * taken.
   */
  handOver(value: string): boolean {
    if (!this.provider.keys.has(value)) this.provider.issue(value, this.now);
    const tested = this.provider.test(value, this.now);
    if ('failure' in tested) return false;
    const { versions } = this.memory.snapshot();
    const known = versions.find((version) => version.fingerprint === fingerprint(value));
    if (known?.state === 'current') return true;
    this.#makeRoom();
    const version: Version = {
      id: known?.id ?? this.newId('version'),
      credential: CREDENTIAL,
      number: nextNumber(versions),
      keyId: tested.keyId,
      state: 'pending',
      origin: 'imported',
      fingerprint: fingerprint(value),
      createdAt: known?.createdAt ?? this.now,
      expiresAt: known?.expiresAt ?? null,
      compromisedAt: known?.compromisedAt ?? null,
      acceptedAt: this.now,
      probedAt: this.now,
    };
    this.commit([{ type: 'version.put', version, value: Secret.from(value) }], []);
    this.wake();
    return true;
  }

  #makeRoom(): void {
    const { open } = this;
    if (open === null || open.newVersionId !== null || !givesWay(open)) return;
    const { changes, signals } = endEarly(this.situation(), open, 'abandoned', this.now, { actor: 'ops' });
    this.commit(changes, signals);
  }

  /** The log shows a rotation. */
  observe(mint: ObservedMint): void {
    this.commit([{ type: 'mint.put', mint }], []);
    this.wake();
  }

  /** The log is read up to now: the rotations in it that made none of the keys we know. */
  readLog(): void {
    for (; this.#read < this.provider.log.length; this.#read += 1) {
      const entry = this.provider.log[this.#read];
      const { versions } = this.memory.snapshot();
      const knows = (keyId: string | undefined) => versions.some((version) => version.keyId === keyId);
      if (entry === undefined || knows(entry.mintedKeyId) || !knows(entry.signerKeyId)) continue;
      this.observe({ ...entry, credential: CREDENTIAL, ip: '192.0.2.1', userAgent: null });
    }
  }

  /** A person's command: decided on the present situation, committed at once. @throws {Error} where it is refused */
  command(decide: (situation: Situation, now: number) => Folded | { readonly refused: string }): void {
    const made = decide(this.situation(), this.now);
    if ('refused' in made) throw new Error(made.refused);
    this.commit(made.changes, made.signals);
    this.wake();
  }

  /** Makes a destination due, as a repair or a check for drift would. */
  wakeDestination(id: string): void {
    this.due.set(`${CREDENTIAL} ${id}`, this.now);
    this.advance('0s');
  }

  /** Makes the credential due now and runs all that is due. */
  wake(): void {
    this.due.set(CREDENTIAL, this.now);
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
      this.due.delete(id);
      if (id === CREDENTIAL) this.#turnCredential();
      else this.#turnPublication(id.slice(CREDENTIAL.length + 1));
    }
    this.now = until;
  }

  #nextDue(): readonly [string | null, number] {
    let next: readonly [string | null, number] = [null, Number.POSITIVE_INFINITY];
    for (const due of this.due) if (due[1] < next[1]) next = due;
    return next;
  }

  #turnCredential(): void {
    for (let turns = 0; turns < TURN_LIMIT; turns += 1) {
      const situation = this.situation();
      const action = plan(situation, this.now, () => this.newId('intent'));
      this.actions.push(action.do);
      this.#pace.note(action.do, this.now);
      if (action.do === 'wait') {
        expectNoRollbackOverdue(situation.snapshot, this.now);
        this.commit([], standing(situation, this.now));
        if (action.until === null) return;
        if (action.until <= this.now) throw new Error(`broken: waits for a moment that has passed`);
        this.due.set(CREDENTIAL, action.until);
        return;
      }
      this.commit(intend(situation, action, this.now), []);
      if (action.do === 'mint') expectMayMint(this.memory, action, this.now);
      const outcome = this.outside.perform(action, this.memory, this.now);
      if (this.crashes(action)) {
        this.due.set(CREDENTIAL, this.now + RESTART);
        return;
      }
      const { changes, signals } = fold(situation, action, outcome, this.now, () => this.newId('id'));
      this.commit(changes, signals);
    }
    throw new Error(`broken: ${TURN_LIMIT} turns without waiting: ${this.actions.slice(-6).join(', ')}`);
  }

  #turnPublication(id: string): void {
    const snapshot = this.memory.snapshot();
    const wanted = currentVersion(snapshot.versions);
    if (wanted === null) return;
    this.#pace.note(`visit of ${id}`, this.now);
    const destination = snapshot.destinations.find((each) => each.id === id) ?? this.memory.unseen(id);
    const known = { destination, versions: snapshot.versions, drift: this.drift };
    const { next, changes, signals } = foldPublication(
      {
        destination,
        wanted,
        snapshot,
        steps: this.situation().steps,
        policy: this.policy,
        drift: this.drift,
        spread: 0,
        hook: null,
        consumerLag: this.destinations.find((each) => each.id === id)?.consumerLag ?? 0,
      },
      this.outside.publish(wanted, known, this.memory, this.now),
      this.now,
    );
    this.commit(changes, signals);
    this.due.set(`${CREDENTIAL} ${id}`, next);
  }

  /** An id that no other has. */
  newId(what: string): string {
    this.#ids += 1;
    return `${what}-${this.#ids}`;
  }
}

function lastUse(versions: readonly Version[], seen: number): number | null {
  const current = currentVersion(versions);
  return current === null ? null : Math.max(current.createdAt, current.acceptedAt ?? 0, seen);
}
