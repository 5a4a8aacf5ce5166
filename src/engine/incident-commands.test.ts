import { beforeEach, expect, test } from 'vitest';
import { goesOnAs } from '../alerting/risen.ts';
import { HOUR, MINUTE, type Severity } from '../model/index.ts';
import type { EngineContext } from './context.ts';
import { Engine } from './engine.ts';
import { reportIncident } from './incident-commands.ts';
import { OutboxWorld } from './testing/outbox.ts';

let world: OutboxWorld;
let context: EngineContext;
let engine: Engine;
beforeEach(async () => {
  world = await OutboxWorld.make();
  context = world.contextWith('oncall');
  engine = new Engine(context);
});

const SENT = { sent: true, answered: false };
const ANSWERED = { sent: false, answered: true };

async function told(severity: Severity): Promise<void> {
  await world.commit(context, world.raise({ kind: 'unknown-key', severity }));
  await world.pass(context, MINUTE);
}

/** A warning that PagerDuty was told of and that was reported to the provider. */
async function reported(): Promise<string> {
  await told('warning');
  const [alert] = (await world.state.alerts({})).items;
  if (alert === undefined) throw new Error('nothing was raised');
  await reportIncident(engine, alert.id, SENT, 'ops');
  return alert.id;
}

const open = async () => (await world.state.alerts({ state: 'open' })).items;

test('what was reported and got worse waits for the same answer, which counts by either id', async () => {
  const first = await reported();
  const at = world.now;
  await world.pass(context, HOUR);
  await told('critical');
  const former = await world.state.alert(first);
  const next = former && goesOnAs(former);
  expect(former?.reportedAt).toBeNull();
  expect(await open()).toMatchObject([{ id: next, reportedAt: at }]);
  expect((await reportIncident(engine, first, SENT, 'ops')).alert).toMatchObject({
    id: next,
    reportedAt: at,
  });
  await reportIncident(engine, first, ANSWERED, 'ops');
  await world.pass(context, 4 * HOUR);
  expect(await open()).toMatchObject([{ kind: 'unknown-key', reportedAt: null }]);
});

test('of what was reported and got worse it is told once, in time, that nobody has answered', async () => {
  await reported();
  await world.pass(context, HOUR);
  await told('critical');
  await world.pass(context, 3 * HOUR);
  expect((await open()).map(({ kind }) => kind).toSorted()).toEqual(['incident-unanswered', 'unknown-key']);
});

test('an answer that is overdue when it gets worse counts by the id that was reported', async () => {
  const first = await reported();
  await world.pass(context, 5 * HOUR);
  await told('critical');
  expect(await open()).toHaveLength(2);
  await reportIncident(engine, first, ANSWERED, 'ops');
  expect(await open()).toMatchObject([{ kind: 'unknown-key', severity: 'critical' }]);
});

test('that nobody answered is told also where it got worse in a silence that ended while nobody ran', async () => {
  await reported();
  const about = {
    id: 's',
    kind: ['unknown-key'],
    credential: [],
    severity: [],
    reason: '',
    author: 'ops',
  } as const;
  const silence = { ...about, createdAt: world.now, endsAt: world.now + 3 * HOUR };
  await world.state.commit([{ type: 'silence.put', silence }]);
  await told('critical');
  world.now += 5 * HOUR;
  await world.pass(context, MINUTE);
  expect((await open()).map(({ kind }) => kind).toSorted()).toEqual(['incident-unanswered', 'unknown-key']);
});
