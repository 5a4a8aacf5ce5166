import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../config/types.ts';
import { event } from '../detectors/testing/traffic.ts';
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
} from '../model/index.ts';
import type { LogQuery, Provider } from '../providers/contract.ts';
import { rules } from '../rotation/index.ts';
import type { State } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { Counters } from '../telemetry/counters.ts';
import { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { turnMonitor } from './watch.ts';

const START = Date.UTC(2026, 9, 1, 9);
const LANE = 'provider:frameflow';
const REFUSED: Failure = { code: 'rejected', verdict: 'rejected', message: 'FrameFlow answered 401' };
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

let now: number;
let state: State;
/** The log, in its order of arrival; its cursor is a position in it. */
let log: LogEvent[];
/** What the provider answers to whoever reads its log; null: the log. */
let refusal: Failure | null;
/** What happens while a page is under way. */
let meanwhile: () => Promise<void>;

beforeEach(async () => {
  now = START;
  log = [];
  refusal = null;
  meanwhile = async () => {};
  state = await openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now: () => now, owner: 'test' });
  await state.commit([
    { type: 'credential.put', record: record() },
    { type: 'version.put', version: version(1, 'retiring'), value: Secret.from('one') },
    { type: 'version.put', version: version(2, 'current'), value: Secret.from('two') },
    {
      type: 'work.put',
      work: { kind: 'credential', id: 'prod', lane: 'nobody', dueAt: START + 1_000 * MINUTE },
    },
    { type: 'work.put', work: { kind: 'monitor', id: 'log', lane: LANE, dueAt: START } },
  ]);
});

afterEach(() => state.close());

function record(over: Partial<CredentialRecord> = {}): CredentialRecord {
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

function version(number: number, at: Version['state']): Version {
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

const provider: Provider = {
  malformed: () => null,
  mismatch: () => null,
  mint: unused,
  parseMint: () => {
    throw new Error('nobody asks for this here');
  },
  verify: unused,
  async readLog(_key: Secret, { cursor, limit }: LogQuery) {
    await meanwhile();
    if (refusal !== null) throw new EdgeError(refusal);
    const from = Number(cursor ?? 0);
    const events = log.slice(from, from + limit);
    const end = from + events.length;
    return { events, skipped: 0, nextCursor: `${end}`, hasMore: end < log.length };
  },
  seenClock: () => null,
  async close() {},
};

function context(): EngineContext {
  const none = { geolocations: null, ipAllowlist: null };
  const config: Config = {
    installation: { name: 'footage', environment: 'production' },
    state: { directory: '/', database: '/', encryptionKeys: [], retain: { rotations: 0, alerts: 0 } },
    schedule: { timezone: 'UTC', reconcile: '* * * * *', pollLogs: '* * * * *' },
    network: { allow: [] },
    providers: {},
    stores: {},
    credentials: { prod: CREDENTIAL },
    oauthClients: {},
    monitors: {
      log: {
        name: 'log',
        provider: 'frameflow',
        credential: 'prod',
        backfill: 0,
        rules: { ...none, perCredential: {}, otherKeys: {}, detectors: {} },
      },
    },
    channels: {},
    routes: [],
    runbookUrl: null,
    api: {
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      tls: null,
      behindTlsProxy: false,
      publicUrl: null,
      probes: null,
      tokens: [],
    },
    log: { level: 'silent', format: 'json' },
  };
  return {
    config,
    state,
    spool: { reserve: unused, save: unused, load: async () => [], clear: unused },
    rules,
    claimFor: MINUTE,
    plugins: {
      clients: new Map(),
      providers: new Map([['frameflow', provider]]),
      stores: new Map(),
      channels: new Map(),
      hooks: new Map(),
      async close() {},
    },
    clock: { now: () => now, monotonic: () => now, steady: () => now, after: () => () => {} },
    hash: {
      fingerprint: () => '',
      digest: (...parts) => createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
      unit: () => 0,
    },
    log: quiet,
    counters: new Counters(),
    newId: randomUUID,
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

/** One poll, a minute after the one before. */
async function poll(): Promise<void> {
  now += MINUTE;
  const engine = context();
  await state.commit([{ type: 'work.wake', kind: 'monitor', id: 'log', at: now }]);
  const [claim] = await state.claim(LANE, { now, until: now + MINUTE, limit: 1 });
  if (claim === undefined) throw new Error('the monitor is not due');
  await turnMonitor(engine, new Committer(engine, () => {}), claim, new AbortController().signal);
}

const commit = (...changes: readonly Change[]) => state.commit(changes);

async function snapshot() {
  const found = await state.credential('prod');
  if (found === null) throw new Error('the state knows no prod');
  return found;
}

/** Whether the credential looks now. */
const looks = async () => (await state.nextDue(['nobody'])).get('nobody') === now;

function call(keyId: string, over: Partial<LogEvent> = {}): LogEvent {
  return event({ id: `event-${log.length}`, time: now, keyId, ...over });
}

describe('a rotation in the log', () => {
  test('that a key of ours signed waits for the credential, which looks at once', async () => {
    log.push(call('key_2', { mintedKeyId: 'key_9' }));
    await poll();
    expect((await snapshot()).mints).toMatchObject([
      { id: 'event-0', signerKeyId: 'key_2', mintedKeyId: 'key_9' },
    ]);
    expect([await looks(), (await state.alerts({})).items]).toEqual([true, []]);
  });

  test('is nothing where its key came to us while the page was under way', async () => {
    log.push(call('key_2', { mintedKeyId: 'key_3' }));
    meanwhile = () => commit({ type: 'version.put', version: version(3, 'pending') });
    await poll();
    expect([(await snapshot()).mints, await looks()]).toEqual([[], false]);
  });

  test('of a key that nobody knows is told once, also where the log repeats it', async () => {
    const strange = call('key_unheard', { mintedKeyId: 'key_9' });
    log.push(strange, strange);
    await poll();
    log.push(strange);
    await poll();
    expect((await state.alerts({})).items).toMatchObject([
      { kind: 'foreign-mint', monitor: 'log', severity: 'critical', state: 'resolved' },
    ]);
  });
});

describe('the users of a key that is being replaced', () => {
  test('are kept, page after page, and wake the credential', async () => {
    log.push(call('key_1'), call('key_1'), call('key_2', { ip: '203.0.113.9' }));
    await poll();
    expect(await looks()).toBe(true);
    log.push(call('key_1'));
    await poll();
    const users = await state.keyUsers(['key_1', 'key_2']);
    expect(users.map(({ keyId, ip, calls }) => [keyId, ip, calls])).toEqual([
      ['key_1', '203.0.113.5', 3],
      ['key_2', '203.0.113.9', 1],
    ]);
  });

  test('wake it when they come with the new key, once', async () => {
    log.push(call('key_1'));
    await poll();
    await commit({
      type: 'work.put',
      work: { kind: 'credential', id: 'prod', lane: 'nobody', dueAt: START + 1_000 * MINUTE },
    });
    const seen: boolean[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      log.push(call('key_2'));
      await poll();
      seen.push(await looks());
    }
    expect(seen).toEqual([true, false]);
  });
});

describe('the key that reads the log', () => {
  test('is given over to its plan when it is refused twice, and nobody is told yet', async () => {
    refusal = REFUSED;
    await poll();
    expect((await snapshot()).record.state).toBe('managed');
    await poll();
    expect((await snapshot()).record).toEqual(record({ state: 'rejected', lastError: REFUSED }));
    expect([await looks(), (await state.alerts({})).items]).toEqual([true, []]);
    expect((await state.audit({ action: 'key.refused' })).items).toHaveLength(1);
    await poll();
    expect((await state.audit({ action: 'key.refused' })).items).toHaveLength(1);
    expect((await state.monitor('log'))?.attempts).toBe(3);
  });

  test('is not where another became current while it was being refused', async () => {
    refusal = REFUSED;
    await poll();
    meanwhile = () =>
      commit(
        { type: 'version.put', version: version(2, 'retiring') },
        { type: 'version.put', version: version(3, 'current'), value: Secret.from('three') },
      );
    await poll();
    expect((await snapshot()).record.state).toBe('managed');
  });

  test('is left alone, and the poll is kept, where its credential changes at the last moment', async () => {
    refusal = REFUSED;
    await poll();
    const kept = state;
    state = {
      ...kept,
      async credentials() {
        const found = await kept.credentials();
        await kept.commit([{ type: 'credential.put', record: record({ attempts: 1 }) }]);
        return found;
      },
    };
    await poll();
    expect((await snapshot()).record).toEqual(record({ attempts: 1 }));
    expect((await state.monitor('log'))?.attempts).toBe(2);
  });

  test('is looked at again at once when it reads the log after all', async () => {
    await commit({
      type: 'credential.put',
      record: record({ state: 'rejected', attempts: 5, retryAt: START + 60 * MINUTE }),
    });
    await poll();
    expect((await snapshot()).record).toMatchObject({ state: 'rejected', attempts: 5, retryAt: null });
    expect(await looks()).toBe(true);
  });
});
