import type { Config } from '../../../config/types.ts';
import type { Rules } from '../../../detectors/contract.ts';
import { event } from '../../../detectors/testing/traffic.ts';
import type { CountryDatabase } from '../../../geo/index.ts';
import {
  type Change,
  type CredentialRecord,
  EdgeError,
  type Failure,
  type Log,
  type LogEvent,
  MINUTE,
  Secret,
  SecretSource,
  type Version,
} from '../../../model/index.ts';
import type { LogQuery, Provider } from '../../../providers/contract.ts';
import type { State } from '../../../state/contract.ts';
import { openMemory } from '../../../state/sqlite/index.ts';
import { Committer } from '../../commit.ts';
import type { EngineContext } from '../../context.ts';
import { clockAt, contextOf, quiet } from '../../testing/context.ts';
import { turnMonitor } from '../turn.ts';

export const START = Date.UTC(2026, 9, 1, 9);
const LANE = 'provider:frameflow';
export const REFUSED: Failure = { code: 'rejected', verdict: 'rejected', message: 'FrameFlow answered 401' };

/** The credential's next turn, if nobody wakes it. */
export const LATER = {
  kind: 'credential',
  id: 'prod',
  lane: 'nobody',
  dueAt: START + 1_000 * MINUTE,
} as const;

export const NO_RULES: Rules = {
  geolocations: null,
  ipAllowlist: null,
  perCredential: {},
  otherKeys: {},
  learn: null,
  detectors: {},
  rotate: {},
};

/** A daemon's log watch with its state in memory, at a time of its own. */
export class WatchWorld {
  readonly #time: { now: number };
  /** The log, in its order of arrival; its cursor is a position in it. */
  log: LogEvent[] = [];
  /** What the provider answers to whoever reads its log; null: the log. */
  refusal: Failure | null = null;
  /** Why the log gets no further; as a page says it. */
  stuck: string | undefined;
  /** What happens while a page is under way. */
  meanwhile: () => Promise<void> = async () => {};
  rules: Rules = NO_RULES;
  mode: 'automatic' | 'guided' = 'automatic';
  countries: ReadonlyMap<string, CountryDatabase> = new Map();
  /** What the log watch warned of. */
  readonly warnings: string[] = [];
  state: State;

  static async open(): Promise<WatchWorld> {
    const time = { now: START };
    const keys = [Secret.from(Buffer.alloc(32, 7))];
    const world = new WatchWorld(await openMemory({ keys, now: () => time.now, owner: 'test' }), time);
    await world.commit(
      { type: 'credential.put', record: record() },
      { type: 'version.put', version: version(1, 'retiring'), value: Secret.from('one') },
      { type: 'version.put', version: version(2, 'current'), value: Secret.from('two') },
      { type: 'work.put', work: LATER },
      { type: 'work.put', work: { kind: 'monitor', id: 'log', lane: LANE, dueAt: START } },
    );
    return world;
  }

  private constructor(state: State, time: { now: number }) {
    this.state = state;
    this.#time = time;
  }

  get now(): number {
    return this.#time.now;
  }

  set now(at: number) {
    this.#time.now = at;
  }

  commit(...changes: readonly Change[]): Promise<void> {
    return this.state.commit(changes);
  }

  /** One poll, a minute after the one before. */
  async poll(): Promise<void> {
    this.now += MINUTE;
    const context = this.context();
    await this.commit({ type: 'work.wake', kind: 'monitor', id: 'log', at: this.now });
    const [claim] = await this.state.claim(LANE, { now: this.now, until: this.now + MINUTE, limit: 1 });
    if (claim === undefined) throw new Error('the monitor is not due');
    await turnMonitor(context, new Committer(context, () => {}), claim, new AbortController().signal);
  }

  async snapshot() {
    const found = await this.state.credential('prod');
    if (found === null) throw new Error('the state knows no prod');
    return found;
  }

  /** Whether the credential looks now. */
  async looks(): Promise<boolean> {
    return (await this.state.nextDue(['nobody'])).get('nobody') === this.now;
  }

  /** A call as the log shows it now. */
  call(keyId: string, over: Partial<LogEvent> = {}): LogEvent {
    return event({ id: `event-${this.log.length}`, time: this.now, keyId, ...over });
  }

  /** What the engine works with, as a new process would make it. */
  context(): EngineContext {
    const { rotation } = CREDENTIAL;
    const monitor = {
      provider: 'frameflow',
      credential: 'prod',
      backfill: 0,
      geoip: null,
      rules: this.rules,
    };
    return contextOf({
      state: this.state,
      clock: clockAt(() => this.now),
      spool: { reserve: unused, save: unused, load: async () => [], clear: unused },
      claimFor: MINUTE,
      log: this.logger(),
      config: {
        credentials: { prod: { ...CREDENTIAL, rotation: { ...rotation, mode: this.mode } } },
        monitors: { log: { name: 'log', ...monitor } },
      },
      plugins: {
        providers: new Map([['frameflow', providerOf(this)]]),
        countries: this.countries,
      },
    });
  }

  private logger(): Log {
    const log: Log = { ...quiet, warn: (_, text) => this.warnings.push(text), child: () => log };
    return log;
  }
}

export function record(over: Partial<CredentialRecord> = {}): CredentialRecord {
  return {
    name: 'prod',
    provider: 'frameflow',
    state: 'managed',
    firstSeenAt: START,
    lastError: null,
    attempts: 0,
    retryAt: null,
    pause: null,
    recoveryId: null,
    uncertain: [],
    ...over,
  };
}

/** Version 1 bears `key_1`, and so on. */
export function version(number: number, at: Version['state']): Version {
  return {
    id: `version-${number}`,
    credential: 'prod',
    number,
    keyId: `key_${number}`,
    state: at,
    origin: 'minted',
    fingerprint: `${number}`,
    createdAt: START,
    expiresAt: null,
    compromisedAt: null,
    acceptedAt: null,
    probedAt: null,
  };
}

const unused = () => Promise.reject(new Error('nobody asks for this here'));

function providerOf(world: WatchWorld): Provider {
  return {
    malformed: () => null,
    mismatch: () => null,
    mint: unused,
    parseMint: () => {
      throw new Error('nobody asks for this here');
    },
    verify: unused,
    async readLog(_key: Secret, { cursor, limit }: LogQuery) {
      await world.meanwhile();
      if (world.refusal !== null) throw new EdgeError(world.refusal);
      const from = Number(cursor ?? 0);
      const events = world.log.slice(from, from + limit);
      const end = from + events.length;
      const page = { events, skipped: 0, nextCursor: `${end}`, hasMore: end < world.log.length };
      return world.stuck === undefined ? page : { ...page, stuck: world.stuck };
    },
    seenClock: () => null,
    async close() {},
  };
}

const CREDENTIAL: Config['credentials'][string] = {
  name: 'prod',
  provider: 'frameflow',
  keyId: null,
  secret: new SecretSource({ env: 'KEY' }),
  rotation: {
    mode: 'automatic',
    remindBefore: [],
    inactivity: null,
    keepAlive: null,
    warnBefore: [],
    every: 0,
    overlap: 0,
    first: 'scheduled',
    overlapEnd: 'any',
    settle: { minimum: 0, budget: 0, successes: 1 },
    window: null,
    jitter: 0,
    issuedAt: null,
  },
  drift: { check: MINUTE, onDrift: 'alert' },
  destinations: [],
};
