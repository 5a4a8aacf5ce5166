import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BundleMessage, Message } from '../channels/contract.ts';
import {
  type Alert,
  type Delivery,
  EdgeError,
  type Failure,
  HOUR,
  type Raise,
  SECOND,
  Secret,
  SecretSource,
  type Signal,
} from '../model/index.ts';
import type { State } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { foldBundle } from './bundle.ts';
import { systemClock } from './clock.ts';
import { Engine } from './engine.ts';
import { succeed } from './succession.ts';
import { contextOf, routesTo } from './testing/context.ts';

const FOREVER = new AbortController().signal;
const BUSY: Failure = { code: 'unavailable', verdict: 'retryable', message: 'Slack answered 503' };

let state: State;
const engines: Engine[] = [];
/** Who was sent what, in order: `former: title title`. */
let sent: string[];
/** What the channel answers to the former engine. */
let answer: PromiseWithResolvers<void>;

beforeEach(async () => {
  sent = [];
  answer = Promise.withResolvers();
  state = await openMemory({
    keys: [Secret.from(Buffer.alloc(32, 7))],
    now: () => Date.now(),
    owner: 'test',
  });
});

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop();
  await state.close();
});

function partsOf(name: string) {
  const send = async (titles: readonly string[]) => {
    sent.push(`${name}: ${titles.toSorted().join(' ')}`);
    if (name === 'former') await answer.promise;
  };
  const team = {
    deliver: ({ alert }: Message) => send([alert.title]),
    deliverBundle: ({ bundle }: BundleMessage) => send(bundle.items.map(({ alert }) => alert.title)),
    async close() {},
  };
  return contextOf({
    state,
    clock: systemClock(),
    claimFor: HOUR,
    config: { channels: { team: SLACK }, routes: routesTo('team') },
    plugins: { channels: new Map([['team', team]]) },
  });
}

const SLACK = {
  kind: 'slack' as const,
  webhookUrl: new SecretSource({ env: 'SLACK' }),
  timeout: 5 * SECOND,
  allowPlaintextLoopback: false,
};

const about = (title: string) => ({ kind: 'clock-skew', condition: title, at: Date.now() }) as const;
const raise = (title: string): Raise => ({
  type: 'raise',
  ...about(title),
  severity: 'critical',
  title,
  summary: '',
  action: null,
  deadline: null,
  evidence: {},
});

/** A former engine that is sending a message of three, and its successor. */
async function underWay() {
  const former = new Engine(partsOf('former'));
  const next = new Engine(partsOf('next'), former);
  engines.push(former, next);
  await former.start();
  await former.submit([], ['a', 'b', 'c'].map(raise));
  await expect.poll(() => sent).toEqual(['former: a b c']);
  const { ended, error } = await succeed(former, next, FOREVER);
  expect(error).toBeNull();
  const submit = (...signals: Signal[]) => next.submit([], signals);
  return { submit, ended };
}

/** Of each alert, how its messages stand. */
async function states(): Promise<readonly string[]> {
  const { items } = await state.alerts({ limit: 100 });
  const deliveries = await state.deliveriesOf(items.map(({ id }) => id));
  return deliveries.map((delivery) => `${delivery.state} ${delivery.attempts}`).toSorted();
}

test('what a message of several bears is sent by nobody else while it is under way', async () => {
  const { submit, ended } = await underWay();
  await submit({ ...raise('late'), kind: 'audit-broken' });
  await expect.poll(() => sent, { timeout: 5 * SECOND }).toEqual(['former: a b c', 'next: late']);
  answer.resolve();
  await ended;
  expect(await states()).toEqual(Array(4).fill('delivered 1'));
  expect(await state.scheduled('delivery')).toEqual([]);
});

test('what was not taken is tried again, by the successor', async () => {
  const { ended } = await underWay();
  answer.reject(new EdgeError(BUSY));
  await ended;
  await expect.poll(states, { timeout: 30 * SECOND }).toEqual(Array(3).fill('delivered 2'));
});

function alertOf(alerts: readonly Alert[], { alertId }: Delivery): Alert {
  const alert = alerts.find(({ id }) => id === alertId);
  if (alert === undefined) throw new Error('no such alert');
  return alert;
}

test('what somebody else has settled or sent meanwhile is left as it is', async () => {
  const { ended } = await underWay();
  const { items } = await state.alerts({ limit: 100 });
  const [mine, cancelled, again] = (await state.deliveriesOf(items.map(({ id }) => id))).map((delivery) => ({
    owed: { delivery, alert: alertOf(items, delivery) },
    delivery,
    repeat: false,
  }));
  if (mine === undefined || cancelled === undefined || again === undefined) throw new Error('three are owed');
  const after: Delivery[] = [
    mine.delivery,
    { ...cancelled.delivery, state: 'cancelled' },
    { ...again.delivery, attempts: again.delivery.attempts + 1 },
  ];
  const { changes } = foldBundle({ attempts: [mine, cancelled, again], covered: [] }, BUSY, {
    head: mine.delivery.id,
    after,
    now: Date.now(),
    unit: 0,
  });
  expect(changes).toMatchObject([{ type: 'delivery.put', delivery: { id: mine.delivery.id } }]);
  answer.resolve();
  await ended;
});
