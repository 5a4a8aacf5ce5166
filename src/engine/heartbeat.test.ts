import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../config/types.ts';
import {
  EdgeError,
  type Failure,
  type Log,
  MINUTE,
  type Net,
  type Raise,
  SECOND,
  Secret,
  SecretSource,
} from '../model/index.ts';
import { type Served, serve, testNet } from '../net/testing/index.ts';
import { type State, StateError } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { Engine } from './engine.ts';
import { contextOf, routesTo } from './testing/context.ts';
import { HandClock } from './testing/hand-clock.ts';

const PATH = '/ping/PLANTED-capability';
const DOWN: Failure = { code: 'refused', verdict: 'permanent', message: 'Slack answered 404' };

let clock: HandClock;
let state: State;
let engine: Engine;
let net: Net;
let server: Served;
let beats: Array<string | undefined>;
/** What whoever waits for the heartbeat answers; null: nothing, ever. */
let answer: { readonly status: number; readonly body?: string } | null;
let lines: string[];
/** What the state answers to whoever claims. */
let refusal: StateError | null;
/** What a channel answers; nothing: it takes the message. */
let down: Map<string, Failure>;
/** Messages that a channel holds on to until the test lets them go; null: it holds none. */
let held: Array<() => void> | null;

beforeEach(async () => {
  clock = new HandClock(Date.UTC(2026, 9, 1, 9));
  beats = [];
  answer = { status: 200, body: 'OK' };
  lines = [];
  refusal = null;
  down = new Map();
  held = null;
  server = await serve((request, response) => {
    beats.push(`${request.method} ${request.url}`);
    if (answer !== null) response.writeHead(answer.status).end(answer.body);
  });
  net = testNet(null, { allowPlaintextLoopback: true, secretPath: true });
  state = await openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now: clock.now, owner: 'test' });
});

afterEach(async () => {
  for (const free of held ?? []) free();
  await engine.stop();
  await state.close();
  await net.close();
  await server.close();
  expect(lines.join('\n')).not.toContain('PLANTED');
});

async function start(channels: readonly string[], every: number | null = MINUTE): Promise<void> {
  engine = new Engine(
    contextOf({
      state: {
        ...state,
        claim: (lane, query) => (refusal === null ? state.claim(lane, query) : Promise.reject(refusal)),
      },
      clock,
      log: logger(),
      config: configWith(channels, every),
      plugins: {
        channels: new Map(channels.map((name) => [name, { deliver: () => deliver(name), async close() {} }])),
        heartbeat: net,
      },
    }),
  );
  await engine.start(() => ({ stop() {} }));
  await rest();
}

async function deliver(name: string): Promise<void> {
  const failure = down.get(name);
  if (failure !== undefined) throw new EdgeError(failure);
  if (held !== null) await new Promise<void>((free) => held?.push(free));
}

function configWith(channels: readonly string[], every: number | null): Partial<Config> {
  const connection = { timeout: 5 * SECOND, allowPlaintextLoopback: true };
  const slack = { kind: 'slack' as const, webhookUrl: new SecretSource({ env: 'SLACK' }), ...connection };
  return {
    channels: Object.fromEntries(channels.map((name) => [name, slack])),
    routes: routesTo(...channels),
    heartbeat: every === null ? null : { url: `${server.url}${PATH}`, every, ...connection },
  };
}

function logger(): Log {
  const write = (fields: object, message: string) => {
    lines.push(`${message} ${inspect(fields, { depth: 8 })}`);
  };
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}

/** Until nothing runs any more, but what a channel holds on to. */
async function rest(): Promise<void> {
  await expect.poll(() => engine.active, { timeout: 20 * SECOND }).toBe(held?.length ?? 0);
}

/** Lets `ms` pass in steps that the loop can follow. */
async function pass(ms: number, step = 5 * SECOND): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    clock.move(Math.min(step, ms - passed));
    await rest();
  }
}

function raise(condition: string): Raise {
  return {
    type: 'raise',
    kind: 'clock-skew',
    condition,
    severity: 'critical',
    at: clock.now(),
    title: 'The clock is wrong',
    summary: '',
    action: null,
    deadline: null,
    evidence: {},
  };
}

const about = (text: string) => lines.filter((line) => line.includes(text));

describe('the heartbeat', () => {
  test('comes at the start and then at every interval, as a GET of its address', async () => {
    await start([]);
    expect(beats).toEqual([`GET ${PATH}`]);
    await pass(MINUTE - 5 * SECOND);
    expect(beats).toHaveLength(1);
    await pass(5 * SECOND);
    expect(beats).toHaveLength(2);
    await pass(3 * MINUTE);
    expect(beats).toHaveLength(5);
    expect(lines).toEqual([]);
  });

  test('stays away while the state takes no writes, and comes back with them', async () => {
    await start([]);
    refusal = new StateError('state_full', 'the disk is full');
    await pass(10 * MINUTE);
    expect(beats).toHaveLength(1);
    refusal = null;
    await pass(MINUTE);
    expect(beats).toHaveLength(2);
  });

  test('stays away once the loop has stopped', async () => {
    await start([]);
    await engine.stop();
    clock.move(10 * MINUTE);
    await rest();
    expect(beats).toHaveLength(1);
  });

  test('stays away while a message waits that a working channel should long have had', async () => {
    held = [];
    await start(['team']);
    // One goes; the second waits for it.
    await engine.submit([], ['a', 'b'].map(raise));
    await expect.poll(() => held?.length).toBe(1);
    await pass(10 * MINUTE);
    const before = beats.length;
    expect(before).toBe(11);
    await pass(5 * MINUTE);
    expect(beats).toHaveLength(before);
    expect(about('no heartbeat: it is withheld: a message to channel team has been due for')).not.toEqual([]);
    const waiting = held;
    held = null;
    for (const free of waiting) free();
    await rest();
    await pass(15 * SECOND);
    expect(beats).toHaveLength(before + 1);
    expect(about('the heartbeat arrives again')).toHaveLength(1);
  });

  test('goes on while more waits for a channel than it may be told in ten minutes', async () => {
    await start(['team']);
    await engine.submit(
      [],
      Array.from({ length: 75 }, (_, index) => raise(`${index}`)),
    );
    await pass(12 * MINUTE, 10 * SECOND);
    const owed = (await state.scheduled('delivery')).length;
    expect(owed).toBeGreaterThan(0);
    expect(owed).toBeLessThan(10);
    expect(beats).toHaveLength(13);
    expect(lines).toEqual([]);
  });

  test('stays away while every channel is down, and not while one of two is', async () => {
    await start(['team', 'oncall']);
    down.set('team', DOWN);
    await engine.submit([], [raise('a')]);
    await rest();
    await pass(2 * MINUTE);
    expect(beats).toHaveLength(3);
    down.set('oncall', DOWN);
    await engine.submit([], [raise('b')]);
    await rest();
    await pass(5 * MINUTE);
    expect(beats).toHaveLength(3);
    expect(about('no heartbeat: it is withheld: every channel is down (team, oncall)')).toHaveLength(1);
    down.clear();
    await engine.submit([], [raise('c')]);
    await rest();
    await pass(15 * SECOND);
    expect(beats).toHaveLength(4);
  });

  test.each([
    [{ status: 500 }, ' answered 500'],
    [{ status: 404 }, ' answered 404'],
    [{ status: 302 }, ' answered 302'],
    [{ status: 200, body: 'OK (not found)' }, ' knows no check of that address'],
  ])('that is answered %j is tried again soon, logged once and alerts nobody', async (bad, said) => {
    answer = bad;
    await start(['team']);
    await pass(MINUTE);
    expect(beats).toHaveLength(5);
    expect(about(`no heartbeat: ${server.url}${said}`)).toHaveLength(1);
    answer = { status: 200 };
    await pass(15 * SECOND);
    expect(about('the heartbeat arrives again')).toHaveLength(1);
    await pass(MINUTE);
    expect(beats).toHaveLength(7);
    expect((await state.alerts({})).items).toEqual([]);
  });

  test('that nobody listens to is logged without its path', async () => {
    await start([]);
    await server.close();
    await pass(2 * MINUTE);
    expect(about('no heartbeat: ').length).toBe(1);
  });

  test('that is under way holds up no stop', async () => {
    answer = null;
    const started = start([]);
    await expect.poll(() => beats.length).toBe(1);
    await engine.stop();
    await started;
    expect(lines).toEqual([]);
  });

  test('that is no longer configured leaves no work behind', async () => {
    await start([]);
    await engine.stop();
    await start([], null);
    expect((await state.scheduled('watchdog')).map(({ id }) => id)).toEqual(['overdue']);
    await pass(5 * MINUTE);
    expect(beats).toHaveLength(1);
  });
});
