import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Message } from '../channels/contract.ts';
import { EdgeError, SECOND, Secret } from '../model/index.ts';
import type { State } from '../state/contract.ts';
import { openMemory, openMemoryDatabase } from '../state/sqlite/index.ts';
import { systemClock } from './clock.ts';
import { Engine } from './engine.ts';
import { contextOf, PAGERDUTY, raiseOf, routesTo } from './testing/context.ts';

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
  engine = new Engine(
    contextOf({
      state,
      clock: systemClock(),
      config: { channels: { oncall: PAGERDUTY }, routes: routesTo('oncall') },
      plugins: { channels: new Map([['oncall', { deliver, async close() {} }]]) },
    }),
  );
  await engine.start(() => ({ stop() {} }));
}

const TITLES = Array.from({ length: 30 }, (_, index) => `alert ${index}`);

const raise = (title: string) => raiseOf({ at: Date.now(), title, condition: title });

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
