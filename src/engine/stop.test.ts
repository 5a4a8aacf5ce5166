import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Message } from '../channels/contract.ts';
import type { Config } from '../config/types.ts';
import { EdgeError, HOUR, type Log, type Raise, SECOND, Secret, SecretSource } from '../model/index.ts';
import { rules } from '../rotation/index.ts';
import type { State } from '../state/contract.ts';
import type { Spool } from '../state/spool.ts';
import { openMemory, openMemoryDatabase } from '../state/sqlite/index.ts';
import { Counters } from '../telemetry/counters.ts';
import { systemClock } from './clock.ts';
import { Engine } from './engine.ts';

/** No mint happens here. */
const emptySpool: Spool = { async reserve() {}, async save() {}, load: async () => [], async clear() {} };
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

let database: ReturnType<typeof openMemoryDatabase>;
let state: State;
let engine: Engine;
/** What the channel was sent, in order, and what it took of that. */
let sent: Message[];
let taken: string[];
/** Ends with the channel's answer; each message has one. */
let answer: (message: Message) => Promise<void>;

beforeEach(async () => {
  [sent, taken] = [[], []];
  answer = async () => {};
  database = openMemoryDatabase();
  state = await open();
});

afterEach(async () => {
  await state.close();
});

/** As a process finds it that starts. */
function open(): Promise<State> {
  const keys = [Secret.from(Buffer.alloc(32, 7))];
  return openMemory({ keys, now: () => Date.now(), owner: 'test', database });
}

async function start(): Promise<void> {
  const deliver = async (message: Message) => {
    sent.push(message);
    await answer(message);
    taken.push(message.alert.title);
  };
  engine = new Engine({
    config: CONFIG,
    state,
    spool: emptySpool,
    rules,
    claimFor: HOUR,
    plugins: {
      clients: new Map(),
      providers: new Map(),
      stores: new Map(),
      hooks: new Map(),
      countries: new Map(),
      channels: new Map([['oncall', { deliver, async close() {} }]]),
      async close() {},
    },
    clock: systemClock(),
    hash: {
      fingerprint: () => '',
      digest: (...parts) => createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
      unit: () => 0,
    },
    log: quiet,
    counters: new Counters(),
    newId: randomUUID,
  });
  await engine.start(() => ({ stop() {} }));
}

const connection = { timeout: 5 * SECOND, allowPlaintextLoopback: true };
const CONFIG: Config = {
  installation: { name: 'footage', environment: 'production' },
  state: { directory: '/', database: '/', encryptionKeys: [], retain: { rotations: 0, alerts: 0 } },
  schedule: { timezone: 'UTC', reconcile: '* * * * *', pollLogs: '* * * * *' },
  network: { allow: [] },
  providers: {},
  stores: {},
  credentials: {},
  oauthClients: {},
  monitors: {},
  channels: {
    oncall: {
      kind: 'pagerduty',
      routingKey: new SecretSource({ env: 'KEY' }),
      eventsUrl: 'https://events',
      ...connection,
    },
  },
  routes: [{ severity: [], kind: [], credential: [], channels: ['oncall'], continue: false, escalate: null }],
  group: { wait: 10 * SECOND, repeat: 4 * HOUR },
  heartbeat: null,
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

const TITLES = Array.from({ length: 30 }, (_, index) => `alert ${index}`);

function raise(title: string): Raise {
  return {
    type: 'raise',
    kind: 'clock-skew',
    condition: title,
    severity: 'critical',
    at: Date.now(),
    title,
    summary: '',
    action: null,
    deadline: null,
    evidence: {},
  };
}

const pending = async () => (await state.scheduled('delivery')).length;

test('a stop sends what is owed before it ends', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  answer = () => promise;
  await start();
  await engine.submit([], TITLES.map(raise));
  await expect.poll(() => sent.length).toBe(4);
  const stopped = engine.stop();
  resolve();
  await stopped;
  expect(taken.toSorted()).toEqual(TITLES.toSorted());
  expect(await pending()).toBe(0);
});

test('a stop ends though a channel answers no more; what it was not told is told after the next start', {
  timeout: 60_000,
}, async () => {
  answer = () => (sent.length > 10 ? new Promise(() => {}) : Promise.resolve());
  await start();
  await engine.submit([], TITLES.map(raise));
  await engine.stop();
  expect(taken).toHaveLength(10);
  expect(await pending()).toBe(20);
  const hanging = sent.slice(10).map(({ alert }) => alert.title);
  expect(hanging).toHaveLength(4);

  answer = async () => {};
  state = await open();
  await start();
  await expect.poll(() => taken.length, { timeout: 20 * SECOND }).toBe(30);
  await engine.stop();
  expect(taken.toSorted()).toEqual(TITLES.toSorted());
  const again = sent.slice(14);
  expect(again).toHaveLength(20);
  const marked = again.filter(({ repeat }) => repeat).map(({ alert }) => alert.title);
  expect(marked.toSorted()).toEqual(hanging.toSorted());
});

test('a stop tries nothing twice that a channel refuses', async () => {
  answer = async () => {
    throw new EdgeError({ code: 'unavailable', verdict: 'retryable', message: 'PagerDuty answered 503' });
  };
  await start();
  await engine.submit([], TITLES.map(raise));
  await engine.stop();
  expect(new Set(sent.map(({ id }) => id)).size).toBe(sent.length);
  expect(await pending()).toBe(30);
});
