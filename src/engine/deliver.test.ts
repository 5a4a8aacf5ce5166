import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { textOf } from '../../test/tidy/repository.ts';
import { identityOf } from '../alerting/identity.ts';
import type { BundleMessage, Message } from '../channels/contract.ts';
import type { Config } from '../config/types.ts';
import {
  EdgeError,
  type Failure,
  HOUR,
  type Log,
  type Raise,
  SECOND,
  Secret,
  SecretSource,
} from '../model/index.ts';
import { rules } from '../rotation/index.ts';
import type { State } from '../state/contract.ts';
import type { Spool } from '../state/spool.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { Counters } from '../telemetry/counters.ts';
import { turnAlert } from './attend.ts';
import { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { Deliveries } from './deliver.ts';
import { reconcileAlerts, reconcileConfiguration } from './start.ts';

const BUSY: Failure = { code: 'unavailable', verdict: 'retryable', message: 'Slack answered 503' };
const REFUSED: Failure = { code: 'refused', verdict: 'permanent', message: 'Slack answered 404' };
const SLACK = {
  kind: 'slack' as const,
  webhookUrl: new SecretSource({ env: 'SLACK' }),
  timeout: 1_000,
  allowPlaintextLoopback: false,
};
const emptySpool: Spool = { async reserve() {}, async save() {}, load: async () => [], async clear() {} };
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

let now: number;
let state: State;
/** The last message that any channel got. */
let last: Message | null;
/** What each channel got, in order: `team trigger clock-skew resolved`. */
let seen: string[];
/** What a channel answers; nothing: it takes the message. */
let down: Map<string, Failure>;
/** What a channel answers to a message that bears this title, by itself or among others; null: it gathers nothing. */
let bad: { readonly title: string; readonly failure: Failure } | null;

beforeEach(async () => {
  now = Date.UTC(2026, 9, 1, 9);
  seen = [];
  last = null;
  down = new Map();
  bad = null;
  state = await openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now: () => now, owner: 'test' });
});

afterEach(() => state.close());

function configWith(...channels: readonly string[]): Config {
  return {
    installation: { name: 'footage', environment: 'production' },
    state: { directory: '/', database: '/', encryptionKeys: [], retain: { rotations: 0, alerts: 0 } },
    schedule: { timezone: 'UTC', reconcile: '* * * * *', pollLogs: '* * * * *' },
    network: { allow: [] },
    providers: {},
    stores: {},
    credentials: {},
    oauthClients: {},
    monitors: {},
    channels: Object.fromEntries(channels.map((name) => [name, SLACK])),
    routes: [
      { severity: [], kind: [], credential: [], channels: [...channels], continue: false, escalate: null },
    ],
    group: { wait: 10_000, repeat: 4 * HOUR },
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
}

async function several({ items }: BundleMessage['bundle']): Promise<void> {
  if (items.some(({ alert }) => alert.title === bad?.title) && bad !== null) throw new EdgeError(bad.failure);
  seen.push(...items.map(({ alert }) => alert.title));
}

function contextWith(...channels: readonly string[]): EngineContext {
  const channel = (name: string) => ({
    async deliver(message: Message) {
      const { event, alert } = message;
      last = message;
      const failure = down.get(name);
      if (failure !== undefined) throw new EdgeError(failure);
      if (bad?.title === alert.title) throw new EdgeError(bad.failure);
      seen.push(`${name} ${event} ${alert.kind} ${alert.state}`);
    },
    ...(bad?.failure.code !== 'bad_message'
      ? {}
      : { deliverBundle: ({ bundle }: BundleMessage) => several(bundle) }),
    async close() {},
  });
  return {
    config: configWith(...channels),
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
      channels: new Map(channels.map((name) => [name, channel(name)])),
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

function raise(fields: Partial<Raise> = {}): Raise {
  return {
    type: 'raise',
    kind: 'clock-skew',
    condition: '',
    severity: 'critical',
    at: now,
    title: 'The clock is wrong',
    summary: '',
    action: null,
    deadline: null,
    evidence: {},
    ...fields,
  };
}

const END = { type: 'resolve', kind: 'clock-skew', condition: '' } as const;

/** Lets all happen that is due within `ms` from now. */
async function pass(context: EngineContext, ms: number, own?: Deliveries): Promise<void> {
  const committer = new Committer(context, () => {});
  const deliveries = own ?? new Deliveries(context, committer);
  const lanes = ['alerts', ...Object.keys(context.config.channels).map((name) => `channel:${name}`)];
  const end = now + ms;
  const nextDue = async () => Math.min(...(await state.nextDue(lanes)).values());
  for (let due = await nextDue(); due <= end; due = await nextDue()) {
    now = Math.max(now, due);
    for (const lane of lanes) {
      const claims = await state.claim(lane, { now, until: now + 60_000, limit: 1 });
      for (const claim of claims)
        await (claim.kind === 'alert' ? turnAlert(context, committer, claim) : deliveries.turn(claim));
    }
  }
  now = end;
}

const commit = (context: EngineContext, ...signals: Parameters<Committer['commit']>[1]) =>
  new Committer(context, () => {}).commit([], signals);

describe('an alert that ends while its channel is down', () => {
  test('is told once the channel is back, and at once thereafter its end', async () => {
    const context = contextWith('team');
    down.set('team', BUSY);
    await commit(context, raise());
    await pass(context, 10_000);
    await commit(context, { ...END, at: now });
    await pass(context, 20 * 3_600_000);
    expect(seen).toEqual([]);
    down.clear();
    await pass(context, 300_000);
    expect(seen).toEqual(['team trigger clock-skew resolved', 'team resolve clock-skew resolved']);
    const [trigger, end] = await state.deliveries((await state.alerts({})).items.at(-1)?.id ?? '');
    // Slack takes one message a second.
    expect(end?.at).toBe((trigger?.at ?? 0) + 1_000);
    expect(await state.outboxDepth()).toEqual({});
  });

  test('is not told at all where it was for information', async () => {
    const context = contextWith('team');
    down.set('team', BUSY);
    await commit(context, raise({ severity: 'info' }));
    await pass(context, 1_000);
    await commit(context, { ...END, at: now });
    down.clear();
    await pass(context, 300_000);
    expect(seen).toEqual([]);
    expect(await state.outboxDepth()).toEqual({});
  });
});

describe('one alert that a channel never takes', () => {
  const delivered = async () => {
    const { items } = await state.alerts({ limit: 100 });
    return (await state.deliveriesOf(items.map(({ id }) => id))).filter((one) => one.state === 'delivered')
      .length;
  };

  test('because of what it holds is lost alone, whatever it was sent together with', async () => {
    bad = { title: 'title 17', failure: { code: 'bad_message', verdict: 'permanent', message: '400' } };
    const context = contextWith('team');
    const titles = Array.from({ length: 40 }, (_, index) => `title ${index}`);
    await commit(context, ...titles.map((title) => raise({ condition: title, title })));
    await pass(context, HOUR);
    expect(await delivered()).toBe(39);
  });

  test('for now does not hold up what comes after it', async () => {
    bad = { title: 'title 0', failure: BUSY };
    const context = contextWith('team');
    const deliveries = new Deliveries(context, new Committer(context, () => {}));
    await commit(context, raise({ title: 'title 0' }));
    for (let round = 0; round < 12; round += 1) {
      await commit(context, raise({ kind: 'audit-broken', condition: `${round}` }));
      await pass(context, 10 * 60_000, deliveries);
    }
    await commit(context, raise({ kind: 'audit-broken', condition: 'last' }));
    await pass(context, 30_000, deliveries);
    expect(seen).toHaveLength(13);
  });
});

test('what a channel refused for good is told when it delivers again, and no more than once', async () => {
  const context = contextWith('team');
  down.set('team', REFUSED);
  await commit(context, raise());
  await pass(context, 60_000);
  expect(await state.outboxDepth()).toEqual({});
  down.clear();
  for (const condition of ['a', 'b']) {
    await commit(context, raise({ kind: 'audit-broken', condition }));
    await pass(context, 60_000);
  }
  expect(seen).toEqual([
    'team trigger audit-broken triggered',
    'team trigger clock-skew triggered',
    'team trigger audit-broken triggered',
  ]);
});

describe('a message', () => {
  const addressed = (context: EngineContext): EngineContext => ({
    ...context,
    config: {
      ...context.config,
      runbookUrl: 'https://runbooks.internal/{kind}?of={kind}',
      api: { ...context.config.api, publicUrl: 'https://keywarden.example.com' },
    },
  });

  test('bears the id of its delivery, the same when it is sent again', async () => {
    const context = contextWith('team');
    down.set('team', BUSY);
    await commit(context, raise());
    await pass(context, 0);
    const [delivery] = await state.deliveries((await state.alerts({})).items[0]?.id ?? '');
    const first = last?.id;
    await pass(context, 10_000);
    expect([first, last?.id]).toEqual([delivery?.id, delivery?.id]);
  });

  test('names the provider of what it is about', async () => {
    const context = contextWith('team');
    const entry = { provider: 'frameflow' };
    const config = { ...context.config, credentials: { prod: entry }, monitors: { log: entry } };
    const about = { ...context, config: config as unknown as Config };
    const providers: Array<string | null | undefined> = [];
    for (const subject of [{ credential: 'prod' }, { monitor: 'log' }, { credential: 'gone' }, {}]) {
      await commit(about, raise(subject));
      await pass(about, SECOND);
      providers.push(last?.provider);
    }
    expect(providers).toEqual(['frameflow', 'frameflow', null, null]);
  });

  test('leads to the runbook of its kind first, then to the page', async () => {
    const context = addressed(contextWith('team'));
    await commit(context, raise());
    await pass(context, 0);
    expect(last?.links).toEqual([
      { text: 'Runbook', href: 'https://runbooks.internal/clock-skew?of=clock-skew' },
      { text: 'Keywarden', href: 'https://keywarden.example.com' },
    ]);
    expect(last?.runbook).toBe('https://runbooks.internal/clock-skew?of=clock-skew');
  });

  test.each([
    ['clock-skew', 'docs/runbooks/clock-skew.md'],
    ['test', 'docs/runbooks/README.md'],
  ] as const)('of kind %s names the runbook in the package where it has no address', async (kind, path) => {
    const context = contextWith('team');
    await commit(context, raise({ kind, channel: 'team' }));
    await pass(context, 0);
    expect([last?.links, last?.runbook]).toEqual([[], path]);
    expect(textOf(path)).toContain('# ');
  });
});

describe('a start', () => {
  /** As the engine starts. */
  async function start(context: EngineContext): Promise<void> {
    await state.commit(await reconcileConfiguration(context));
    const { changes, signals } = await reconcileAlerts(context);
    await new Committer(context, () => {}).commit(changes, signals);
  }

  test('without a channel cancels what is owed to it, and tells another of what nobody was told', async () => {
    const before = contextWith('gone');
    down.set('gone', BUSY);
    await commit(before, raise(), raise({ kind: 'audit-broken', severity: 'info' }));
    await pass(before, 60_000);
    expect(await state.outboxDepth()).toEqual({ gone: 2 });
    const after = contextWith('team');
    await start(after);
    expect(await state.outboxDepth()).toEqual({ team: 1 });
    expect((await state.nextDue(['channel:gone'])).size).toBe(0);
    await start(after);
    await pass(after, 1_000);
    expect(seen).toEqual(['team trigger clock-skew triggered']);
  });

  test('ends the alerts about what is no longer configured, and tells so', async () => {
    const context = contextWith('team');
    const lost = raise({ kind: 'rotation-attention', credential: 'lost' });
    await commit(context, lost, raise());
    await pass(context, 1_000);
    await start(context);
    await pass(context, 1_000);
    expect(seen.slice(2)).toEqual(['team resolve rotation-attention resolved']);
    const [ended] = await state.alertsByIdentity([identityOf(lost)]);
    expect(ended?.state).toBe('resolved');
    expect((await state.alerts({ state: 'open' })).items.map(({ kind }) => kind)).toEqual(['clock-skew']);
  });
});
