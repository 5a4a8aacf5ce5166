import type { Verdict } from '../../model/index.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { givesWay } from '../request.ts';
import { versionById } from '../versions.ts';
import {
  abandonLast,
  goBack,
  othersRotate,
  pause,
  refuseCurrent,
  resume,
  retire,
  retryLast,
  tellCompromise,
} from './people.ts';
import { failure, type MintFault } from './provider.ts';
import type { Random } from './random.ts';
import { START, World } from './world.ts';

const VERDICTS: readonly Verdict[] = ['retryable', 'permanent', 'unknown', 'rejected'];
const STEPS: readonly number[] = [MINUTE, HOUR, 6 * HOUR, 4 * DAY, 40 * DAY];

/** One credential's life: any effect may fail in any way, the process may die, and people and others do what they do. */
export class History {
  readonly world: World;
  readonly #random: Random;
  /** How often an effect fails; 0 once the faults have ended. */
  #share: number;
  /** Keys that somebody revoked in the provider's console. */
  readonly #revoked = new Set<string>();
  #made = 0;

  constructor(random: Random, mode: 'automatic' | 'guided') {
    this.#random = random;
    this.#share = random.unit() * 0.6;
    const guided = mode === 'guided';
    this.world = new World({
      policy: {
        mode,
        every: random.of(guided ? [30, 90] : [7, 30, 90]) * DAY,
        first: random.of(['scheduled', 'now']),
        jitter: random.of([0, 6 * HOUR]),
        ...(guided ? { inactivity: 40 * DAY, keepAlive: random.of([null, 30 * DAY]) } : {}),
      },
      spread: random.unit(),
      optional: ['backup'],
    });
    this.world.drift = { check: DAY, onDrift: random.of(['alert', 'overwrite']) };
    this.#spoil();
  }

  #spoil(): void {
    const { world } = this;
    const random = this.#random;
    const { provider } = world;
    const fault = () =>
      failure(random.of(VERDICTS), 'random', random.chance(1 / 3) ? 90 * SECOND : undefined);
    const maybe = () => (random.chance(this.#share) ? fault() : null);
    provider.remembers = random.of([0, 24 * HOUR]);
    provider.propagation = random.chance(0.8) ? random.upTo(30 * SECOND) : random.upTo(HOUR);
    provider.mints = () =>
      random.chance(this.#share) ? random.of<MintFault>(['lost', 'garbage', fault()]) : null;
    provider.tests = maybe;
    for (const shelf of world.shelves) shelf.fault = maybe;
    const outage = random.chance(0.3) ? START + random.upTo(30 * DAY) : Number.POSITIVE_INFINITY;
    world.shelf('backup').fault = (now) => {
      if (this.#share > 0 && now >= outage && now < outage + 8 * DAY)
        return failure('retryable', 'outage', HOUR);
      return maybe();
    };
    world.crashes = () => random.chance(this.#share / 2);
  }

  begin(): void {
    this.world.provider.issue('first', START);
    this.world.outside.configured = 'first';
    this.world.wake();
  }

  /** Some time passes, and perhaps somebody does something. */
  step(): void {
    const { world } = this;
    const random = this.#random;
    // The log is read soon after anything happens, before or after what it tells of is known otherwise.
    world.advance(random.upTo(HOUR));
    world.readLog();
    world.advance(random.upTo(random.of(STEPS)));
    if (random.chance(0.2)) world.sleep(`${random.upTo(12)}h`);
    if (random.chance(0.6)) random.of(DEEDS)(this);
    this.#noticeRefusal();
    // A person who is called brings a key, sooner or later.
    if (world.alerts.has('credential-rejected ') && random.chance(0.5)) this.bring();
  }

  /** The current key reads the log: that it was revoked is found out. */
  #noticeRefusal(): void {
    const value = this.#currentValue();
    if (value === null || !this.#revoked.has(value)) return;
    if (this.world.record.state === 'managed') refuseCurrent(this.world);
  }

  /** The faults end, and people see to what only people can. */
  heal(): void {
    const { world } = this;
    this.#share = 0;
    resume(world);
    world.advance('1h');
    world.readLog();
    for (const shelf of world.shelves)
      if (this.#isStrange(shelf.value)) Object.assign(shelf, { value: null, mark: null });
    this.#noticeRefusal();
    world.advance('2d');
    this.#noticeRefusal();
    if (world.record.state !== 'managed') this.bring();
    world.advance('4d');
    world.readLog();
    world.advance('4d');
    this.#revokeExposed();
    if (world.policy.mode === 'guided') this.#tidyUp();
    // A rotation that the schedule has just begun comes as far as its overlap.
    world.advance('2h');
  }

  /** People do as they are told of keys that are known to others and have no end. */
  #revokeExposed(): void {
    const { world } = this;
    for (const { id, state, expiresAt } of world.memory.snapshot().versions) {
      const value = world.memory.values.get(id)?.reveal();
      if (state === 'compromised' && expiresAt === null && value !== undefined)
        world.provider.revoke(value, world.now);
    }
  }

  #isStrange(value: string | null): boolean {
    return value?.startsWith('strange') === true;
  }

  /** A person makes a new key, and says that the old ones are revoked. */
  #tidyUp(): void {
    this.bring();
    for (const { keyId, state } of this.world.memory.snapshot().versions)
      if (keyId !== null && (state === 'retiring' || state === 'compromised')) retire(this.world, keyId);
    this.world.advance('1d');
  }

  /** The value of the current version; null: there is none. */
  #currentValue(): string | null {
    const version = this.world.memory.snapshot().versions.find(({ state }) => state === 'current');
    return version === undefined ? null : (this.world.memory.values.get(version.id)?.reveal() ?? null);
  }

  /** True for a key that works as long as only Keywarden has a hand in it. */
  isExcused(value: string): boolean {
    return this.#revoked.has(value) || !this.world.provider.keys.has(value);
  }

  readonly deeds = {
    rotate: () => this.world.rotate({ emergency: false }),
    emergency: () => this.world.rotate({ emergency: true }),
    compromise: () => {
      const { versions } = this.world.memory.snapshot();
      const known = versions.filter(({ keyId, state }) => keyId !== null && state !== 'orphaned');
      if (known.length > 0) tellCompromise(this.world, this.#random.of(known).keyId);
    },
    goBack: () => {
      const until = this.#random.of([null, this.world.now + this.#random.upTo(DAY)]);
      if (this.#currentValue() !== null) goBack(this.world, until);
    },
    pause: () => pause(this.world, this.#random.of([null, this.world.now + this.#random.upTo(20 * DAY)])),
    resume: () => resume(this.world),
    retry: () => (this.world.memory.rotations.size > 0 ? retryLast(this.world) : null),
    abandon: () => (this.world.memory.rotations.size > 0 ? abandonLast(this.world) : null),
    othersRotate: () => {
      const value = this.#currentValue();
      // A provider whose keys are made by hand has no such call.
      if (value === null || this.world.policy.mode === 'guided') return;
      if (this.world.provider.alive(value, this.world.now)) othersRotate(this.world, value);
    },
    revoke: () => {
      const value = this.#currentValue();
      if (value === null || !this.world.provider.keys.has(value)) return;
      this.#revoked.add(value);
      this.world.provider.revoke(value, this.world.now);
    },
    misjudge: () => {
      if (this.#currentValue() !== null && this.world.record.state === 'managed') refuseCurrent(this.world);
    },
    tamper: () => {
      this.#made += 1;
      const shelf = this.#anyShelf();
      shelf.value = this.#random.of([null, `strange ${this.#made}`]);
      if (shelf.value === null) shelf.mark = null;
    },
    newer: () => {
      this.#made += 1;
      const works = this.#random.chance(0.5);
      const value = `${works ? 'later' : 'dead'} ${this.#made}`;
      if (works) this.world.provider.issue(value, this.world.now);
      const shelf = this.#anyShelf();
      const greatest = Math.max(0, ...this.world.memory.snapshot().versions.map(({ number }) => number));
      shelf.value = value;
      shelf.mark = this.world.mark(greatest + 1 + this.#random.upTo(5), {
        versionId: `later-${this.#made}`,
        keyId: this.world.provider.keys.get(value)?.keyId ?? null,
      });
    },
    bring: () => this.bring(),
    lookAgain: () => {
      // A rotation that has gone too far is not given up for a search.
      const { open } = this.world;
      if (open === null || (open.newVersionId === null && givesWay(open))) this.world.adoptAgain();
    },
    use: () => this.#use(),
  };

  #anyShelf() {
    return this.#random.of(this.world.shelves);
  }

  bring(): void {
    this.#made += 1;
    const value = `by hand ${this.#made}`;
    this.world.handOver(value);
  }

  /** Somebody goes on using the previous key. */
  #use(): void {
    const { world } = this;
    const { versions, open } = world.memory.snapshot();
    const keyId = versionById(versions, open?.previousVersionId ?? null)?.keyId ?? null;
    if (keyId === null) return;
    const at = { firstSeenAt: world.now, lastSeenAt: world.now };
    world.users = [{ keyId, ip: '198.51.100.7', userAgent: null, calls: 3, ...at }];
    world.wake();
  }
}

const DEEDS: ReadonlyArray<(history: History) => unknown> = [
  ({ deeds }) => deeds.rotate(),
  ({ deeds }) => deeds.rotate(),
  ({ deeds }) => deeds.emergency(),
  ({ deeds }) => deeds.compromise(),
  ({ deeds }) => deeds.goBack(),
  ({ deeds }) => deeds.goBack(),
  ({ deeds }) => deeds.pause(),
  ({ deeds }) => deeds.resume(),
  ({ deeds }) => deeds.retry(),
  ({ deeds }) => deeds.abandon(),
  ({ deeds }) => deeds.othersRotate(),
  ({ deeds }) => deeds.revoke(),
  ({ deeds }) => deeds.misjudge(),
  ({ deeds }) => deeds.tamper(),
  ({ deeds }) => deeds.newer(),
  ({ deeds }) => deeds.bring(),
  ({ deeds }) => deeds.lookAgain(),
  ({ deeds }) => deeds.use(),
];
