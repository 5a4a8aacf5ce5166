import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Message } from '../channels/contract.ts';
import { HOUR, SECOND, Secret } from '../model/index.ts';
import { type State, StateError } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { systemClock } from './clock.ts';
import type { EngineContext } from './context.ts';
import { Engine } from './engine.ts';
import type { startSchedule } from './schedule.ts';
import { StandstillError, succeed } from './succession.ts';
import { contextOf, PAGERDUTY, quiet, raiseOf, routesTo } from './testing/context.ts';

const FOREVER = new AbortController().signal;

let state: State;
let former: Engine;
/** Every engine that may run. */
const engines: Engine[] = [];
/** Who was sent what, in order: `former: title`. */
let sent: string[];
/** Ends with the channel's answer. */
let answer: (title: string) => Promise<void>;

beforeEach(async () => {
  sent = [];
  answer = async () => {};
  state = await openMemory({
    keys: [Secret.from(Buffer.alloc(32, 7))],
    now: () => Date.now(),
    owner: 'test',
  });
  former = new Engine(partsOf('former'));
  engines.push(former);
  await former.start();
});

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop();
  await state.close();
});

/** What an engine works with whose channel notes under `name` what it is sent. */
function partsOf(name: string, own: State = state): EngineContext {
  const deliver = async ({ alert }: Message) => {
    sent.push(`${name}: ${alert.title}`);
    await answer(alert.title);
  };
  return contextOf({
    state: own,
    clock: systemClock(),
    config: { channels: { oncall: PAGERDUTY }, routes: routesTo('oncall') },
    plugins: { channels: new Map([['oncall', { deliver, async close() {} }]]) },
  });
}

function successor(own?: State): Engine {
  const engine = new Engine(partsOf('next', own), former);
  engines.push(engine);
  return engine;
}

const raise = (title: string) => raiseOf({ at: Date.now(), title, condition: title });

const pending = async () => (await state.scheduled('delivery')).length;

test('what is in flight ends once, where it began; what comes next is the successor’s', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  answer = (title) => (title === 'slow' ? promise : Promise.resolve());
  await former.submit([], [raise('slow')]);
  await expect.poll(() => sent).toEqual(['former: slow']);
  const { engine, ended, error } = await succeed(former, successor(), FOREVER);
  expect(error).toBeNull();
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await engine.submit([], [raise('late')]);
  await expect.poll(() => sent).toEqual(['former: slow', 'next: late']);
  expect(over).toBe(false);
  resolve();
  await ended;
  await expect.poll(pending).toBe(0);
  expect(sent).toEqual(['former: slow', 'next: late']);
});

test('what is asked of the former one from now on is done by the successor, and who waits there hears of it', async () => {
  const { engine } = await succeed(former, successor(), FOREVER);
  expect(engine).not.toBe(former);
  const turned = former.nextTurn(AbortSignal.timeout(30 * SECOND)).then(() => sent.length);
  await former.submit([], [raise('through an old request')]);
  await expect.poll(() => sent).toEqual(['next: through an old request']);
  await turned;
  expect(former.values).toBe(engine.values);
});

test('one that cannot start gives way to the former configuration', async () => {
  const full = async () => {
    throw new StateError('state_full', 'the disk is full');
  };
  const { engine, error } = await succeed(former, successor({ ...state, commit: full }), FOREVER);
  engines.push(engine);
  expect(error).toMatchObject({ code: 'state_full' });
  await engine.submit([], [raise('as before')]);
  await expect.poll(() => sent).toEqual(['former: as before']);
});

test('one that cannot start claims nothing, whatever it has committed before', async () => {
  await former.submit([], [{ ...raise('gone'), kind: 'channel-failed', channel: 'removed' }]);
  await expect.poll(() => sent).toEqual(['former: gone']);
  const claimants: string[] = [];
  const own = (name: string): State => ({
    ...state,
    claim: (lane, options) => {
      claimants.push(name);
      return state.claim(lane, options);
    },
  });
  const context = partsOf('next', own('next'));
  const next = new Engine(context, former);
  engines.push(next);
  const failing = (): never => {
    throw new StateError('state_full', 'the disk is full');
  };
  Object.defineProperty(context.config.schedule, 'reconcile', { get: failing });
  const { engine, error } = await succeed(former, next, FOREVER);
  engines.push(engine);
  expect(error).toMatchObject({ code: 'state_full' });
  // The end of the alert was committed by the one that could not start, and owes a message.
  await expect.poll(() => sent).toEqual(['former: gone', 'former: gone']);
  expect(next.ready).toBe(false);
  expect(claimants).toEqual([]);
});

test('what the former one knew of the clock and of the day’s work goes on with the successor', async () => {
  let [back, pruned] = [0, 0];
  const warned: string[] = [];
  const clock = { ...systemClock(), now: () => Date.now() - back };
  const log = { ...quiet, warn: (_fields: object, message: string) => void warned.push(message) };
  const prune: State['prune'] = async (before) => {
    pruned += 1;
    return state.prune(before);
  };
  const context = { ...partsOf('first', { ...state, prune }), clock, log };
  const tasks: Array<() => void> = [];
  const schedule: typeof startSchedule = (_times, { reconcile }) => {
    tasks.push(reconcile);
    return { stop() {} };
  };
  const first = new Engine(context);
  engines.push(first);
  await first.start(schedule);
  tasks[0]?.();
  await expect.poll(() => pruned).toBe(1);
  back = HOUR;
  const { ended } = await first.handOver(FOREVER);
  await ended;
  const second = new Engine(context, first);
  engines.push(second);
  await second.start(schedule);
  tasks[1]?.();
  await expect.poll(() => warned.join()).toContain('the clock was set back');
  await second.audit.idle();
  await second.settled();
  expect(pruned).toBe(1);
});

test('where neither can start it is said', async () => {
  const broken: State = { ...state, credentials: () => Promise.reject(new TypeError('broken')) };
  const first = new Engine(partsOf('first', { ...state }));
  engines.push(first);
  await first.start();
  Object.assign(first.context.state, { credentials: broken.credentials });
  const next = new Engine(partsOf('next', broken), first);
  await expect(succeed(first, next, FOREVER)).rejects.toBeInstanceOf(StandstillError);
});

test('a state that takes no writes is found before anything is stopped', async () => {
  const unwritable = { ...state, prove: () => Promise.reject(new StateError('state_full', 'full')) };
  await expect(succeed(former, successor(unwritable), FOREVER)).rejects.toMatchObject({
    code: 'state_full',
  });
  await former.submit([], [raise('it runs')]);
  await expect.poll(() => sent).toEqual(['former: it runs']);
});

test('where the process is about to end nothing begins, and nothing is waited for', async () => {
  answer = () => new Promise(() => {});
  await former.submit([], [raise('hangs')]);
  await expect.poll(() => sent).toEqual(['former: hangs']);
  const stopping = new AbortController();
  const next = successor();
  const succession = succeed(former, next, stopping.signal);
  stopping.abort(new Error('it ends'));
  const { engine, error } = await succession;
  expect(engine).toBe(former);
  expect(error).toMatchObject({ message: 'it ends' });
  expect(next.ready).toBe(false);
  engines.length = 0;
});

test('what the state was written between the read and the write of the start is read again', async () => {
  let refusals = 3;
  const contended: State = {
    ...state,
    commit: async (changes, options) => {
      refusals -= 1;
      if (refusals >= 0) throw new StateError('stale', 'the credential is not as it was read');
      return state.commit(changes, options);
    },
  };
  const { error } = await succeed(former, successor(contended), FOREVER);
  expect(error).toBeNull();
});

test('what the former one owes, in its last turns, to a channel that is gone is settled once it has ended', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  answer = () => promise;
  await former.submit([], [raise('a'), raise('b')]);
  await expect.poll(() => sent.length).toBeGreaterThan(0);
  const next = new Engine(contextOf({ state, clock: systemClock() }), former);
  engines.push(next);
  const { engine, ended, error } = await succeed(former, next, FOREVER);
  expect(error).toBeNull();
  await former.submit([], [raise('told late')]);
  expect(await state.outboxDepth()).toEqual({ oncall: 1 });
  resolve();
  await ended;
  await engine.formerEnded();
  expect(await state.outboxDepth()).toEqual({});
  expect(await pending()).toBe(0);
});

test('one that has a successor itself ends nothing more: what is configured by then it does not know', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  answer = () => promise;
  const without = new Engine(contextOf({ state, clock: systemClock() }), former);
  await succeed(former, without, FOREVER);
  const next = new Engine(partsOf('next'), without);
  engines.push(without, next);
  expect((await succeed(without, next, FOREVER)).engine).toBe(next);
  await next.submit([], [raise('of what is new')]);
  await without.formerEnded();
  expect(await state.outboxDepth()).toEqual({ oncall: 1 });
  resolve();
});
