import { beforeEach, expect, test } from 'vitest';
import type { Config } from '../config/types.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { StateError } from '../state/contract.ts';
import { wakeAll } from './clock-step.ts';
import { Committer } from './commit.ts';
import { Deliveries } from './deliver.ts';
import { reconcileAlerts } from './start.ts';
import { BUSY, OutboxWorld, REFUSED } from './testing/outbox.ts';

let world: OutboxWorld;
beforeEach(async () => {
  world = await OutboxWorld.make();
});

const YEAR = 365 * DAY;

test.each(['while it runs', 'before a start'])(
  'a clock that stood ahead and was set right %s hides no repeat',
  async (when) => {
    const context = world.contextWith('team');
    world.now += YEAR;
    await world.commit(context, world.raise());
    await world.pass(context, MINUTE);
    world.now -= YEAR;
    const changes =
      when === 'while it runs' ? await wakeAll(context, YEAR) : (await reconcileAlerts(context)).changes;
    await world.state.commit(changes);
    const own = new Deliveries(context, new Committer(context, () => {}));
    await world.pass(context, 3 * HOUR, own);
    expect(world.seen).toHaveLength(1);
    await world.pass(context, 2 * HOUR, own);
    expect(world.seen).toHaveLength(2);
    const [alert] = (await world.state.alerts({})).items;
    expect(alert?.triggeredAt).toBeLessThan(world.now);
  },
);

test.each(['while it runs', 'before a start'])(
  'a silence that was begun while the clock stood ahead, which was set right %s, ends when it should',
  async (when) => {
    const context = world.contextWith('team');
    const silence = {
      id: 's',
      kind: ['clock-skew'],
      credential: [],
      severity: [],
      createdAt: world.now + YEAR,
      endsAt: world.now + YEAR + HOUR,
      reason: '',
      author: 'ops',
    } as const;
    await world.state.commit([{ type: 'silence.put', silence }]);
    const changes =
      when === 'while it runs' ? await wakeAll(context, YEAR) : (await reconcileAlerts(context)).changes;
    await world.state.commit(changes);
    await world.commit(context, world.raise());
    await world.pass(context, HOUR - SECOND);
    expect(world.seen).toEqual([]);
    await world.pass(context, MINUTE);
    expect(world.seen).toEqual(['team trigger clock-skew triggered']);
    expect(await world.state.silence('s')).toMatchObject({ endsAt: world.now - MINUTE + SECOND });
  },
);

test('a spike is not told beside its reason, which was told before a silence began', async () => {
  const context = world.contextWith('team');
  const about = { credential: 'frameflow-prod', severity: 'warning' } as const;
  await world.commit(context, world.raise({ ...about, kind: 'rotation-failed' }));
  await world.pass(context, MINUTE);
  const silence = {
    id: 's',
    kind: ['rotation-failed'],
    credential: [],
    severity: [],
    createdAt: world.now,
    endsAt: world.now + DAY,
    reason: '',
    author: 'ops',
  } as const;
  await world.state.commit([{ type: 'silence.put', silence }]);
  await world.commit(
    context,
    world.raise({ ...about, kind: 'auth-failure-spike', evidence: { knownSources: true } }),
  );
  await world.pass(context, HOUR);
  // Nor is it after a start.
  await world.state.commit((await reconcileAlerts(context)).changes);
  await world.pass(context, HOUR);
  expect(world.seen).toEqual(['team trigger rotation-failed triggered']);
});

test('what a channel refused is told once it is back, though the state takes no write when it comes back', async () => {
  const context = world.contextWith('team');
  world.down.set('team', REFUSED);
  await world.commit(context, world.raise());
  await world.pass(context, MINUTE);
  world.down.clear();
  await world.commit(context, world.raise({ kind: 'audit-broken' }));
  // Of the writes that follow the message the first is taken and the others are not.
  let left = 0;
  const commit: typeof world.state.commit = async (...args) => {
    const isOutcome = args[0].some(
      (change) => change.type === 'delivery.put' && change.delivery.state === 'delivered',
    );
    if (left > 0 && !isOutcome) throw new StateError('state_full', 'no room');
    if (isOutcome) left = 1;
    await world.state.commit(...args);
  };
  const failing = { ...context, state: { ...world.state, commit } };
  const deliveries = new Deliveries(failing, new Committer(failing, () => {}));
  const [claim] = await world.state.claim('channel:team', {
    now: world.now,
    until: world.now + MINUTE,
    limit: 1,
  });
  if (claim === undefined) throw new Error('a message was due');
  await deliveries.turn(claim).catch(() => {});
  await world.pass(context, MINUTE);
  expect(world.seen).toEqual(['team trigger audit-broken triggered', 'team trigger clock-skew triggered']);
});

test('a channel that comes back again and again has all that is open looked at once a minute', async () => {
  const context = world.contextWith('team');
  let looks = 0;
  const alerts: typeof world.state.alerts = async (query) => {
    if (query.state === 'open') looks += 1;
    return world.state.alerts(query);
  };
  const watched = { ...context, state: { ...world.state, alerts } };
  const own = new Deliveries(watched, new Committer(watched, () => {}));
  const start = world.now;
  for (let round = 0; round < 8; round += 1) {
    world.bad = { title: `bad ${round}`, failure: REFUSED };
    await world.commit(
      watched,
      world.raise({ kind: 'log-silence', condition: `bad ${round}`, title: `bad ${round}` }),
    );
    await world.pass(watched, 12 * SECOND, own);
    await world.commit(watched, world.raise({ kind: 'store-drift', condition: `${round}`, title: 'good' }));
    await world.pass(watched, 12 * SECOND, own);
  }
  await world.pass(watched, MINUTE, own);
  expect(world.seen.filter((line) => line.includes('store-drift'))).toHaveLength(8);
  expect(looks).toBeGreaterThan(0);
  expect(looks).toBeLessThanOrEqual(Math.ceil((world.now - start) / MINUTE) + 1);
});

test('a rise that one pager has heard of goes on with it when another, that has the lesser, is told', async () => {
  const plain = world.contextWith('oncall', 'second');
  const any = { kind: [], credential: [], continue: false };
  const routes: Config['routes'] = [
    { ...any, severity: ['warning'], channels: ['oncall'], escalate: null },
    { ...any, severity: ['critical'], channels: ['second'], escalate: { after: HOUR, channels: ['oncall'] } },
  ];
  const context = { ...plain, config: { ...plain.config, routes } };
  world.down.set('oncall', BUSY);
  await world.commit(context, world.raise({ severity: 'warning' }));
  await world.pass(context, MINUTE);
  await world.commit(context, world.raise());
  await world.pass(context, MINUTE);
  expect(world.seen).toEqual(['second trigger clock-skew triggered']);
  world.down.clear();
  await world.pass(context, 2 * HOUR);
  const atSecond = world.seen.filter((line) => line.startsWith('second'));
  expect(atSecond).toEqual([
    'second trigger clock-skew triggered',
    'second trigger clock-skew triggered',
    'second resolve clock-skew resolved',
  ]);
  expect(world.seen).toContain('oncall trigger clock-skew triggered');
});
