import { expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import { AlertsWorld, raise, resolve, UNAVAILABLE } from './world.ts';

/** Every key for which PagerDuty holds an incident, however often it was told. */
const triggers = ({ pagerduty }: AlertsWorld) =>
  pagerduty.events.filter(({ event_action }) => event_action === 'trigger').map(({ dedup_key }) => dedup_key);

test('a crash between the send and its record: PagerDuty is told the same key again, Slack is told of a possible repeat', async () => {
  const world = await AlertsWorld.make();
  await world.commit(raise(world, 'a'));
  world.dies();
  await world.pass(SECOND);
  expect([world.posts.length, triggers(world).length]).toEqual([1, 1]);
  await world.restart();
  await world.pass(MINUTE);
  expect(world.posts).toHaveLength(2);
  expect(world.posts[0]).not.toContain('Possible repeat');
  expect(world.posts[1]).toContain('Possible repeat');
  const [first, second, ...more] = triggers(world);
  expect([second, more]).toEqual([first, []]);
  expect(await world.state.outboxDepth()).toEqual({});
});

test('a crash after a message of several: all of them are told once more, in one message that says so', async () => {
  const world = await AlertsWorld.make();
  world.down.slack = UNAVAILABLE;
  for (let index = 0; index < 30; index += 1) await world.commit(raise(world, `event ${index}`));
  await world.pass(SECOND);
  world.down.slack = null;
  world.dies();
  await world.pass(MINUTE);
  expect(world.posts).toHaveLength(1);
  await world.restart();
  await world.pass(MINUTE);
  expect(world.posts).toHaveLength(2);
  expect(world.posts[1]).toContain('Possible repeat · 30 alerts');
  expect(await world.state.outboxDepth()).toEqual({});
});

test('a crash after a message of several: each of them that ends meanwhile is told to be over', async () => {
  const world = await AlertsWorld.make();
  const raised = (condition: string) => raise(world, condition, { severity: 'info' });
  await world.commit(raised('a'));
  await world.pass(SECOND);
  await world.commit(raised('b'), raised('c'), raised('d'));
  await world.pass(SECOND);
  world.dies();
  await world.pass(MINUTE);
  expect(world.posts).toHaveLength(2);
  await world.restart();
  const ends = ['b', 'c', 'd'].map((condition) => resolve(world, condition));
  await world.commit(...ends);
  await world.pass(MINUTE);
  const told = world.posts.slice(2).join('\n');
  for (const { condition } of ends) expect(told).toMatch(new RegExp(`[Oo]ver: [^"]*\\b${condition}\\b`));
});

test('a storm of 429: nothing goes out before Retry-After is over, and then all of it in one message', async () => {
  const world = await AlertsWorld.make();
  world.down.slack = { status: 429, headers: { 'retry-after': '120' }, body: 'rate_limited' };
  await world.commit(raise(world, 'first'));
  await world.pass(SECOND);
  const asked = world.now;
  world.down.slack = null;
  for (let index = 0; index < 50; index += 1) {
    await world.commit(raise(world, `event ${index}`));
    await world.pass(SECOND);
  }
  expect(world.posts).toEqual([]);
  await world.pass(3 * MINUTE);
  expect(world.posts).toHaveLength(1);
  expect(world.posts[0]).toContain('51 alerts: 51 critical');
  expect((world.postedAt[0] ?? 0) - asked).toBeGreaterThanOrEqual(119 * SECOND);
  expect(world.pagerduty.incidents.size).toBe(51);
});

test('Slack down for an hour with 1,000 events: PagerDuty has them all, Slack one message of what holds and what is over', {
  timeout: 300_000,
}, async () => {
  const world = await AlertsWorld.make();
  world.down.slack = UNAVAILABLE;
  for (let index = 0; index < 1_000; index += 1) {
    await world.commit(
      raise(world, `event ${index}`, { severity: index % 10 === 0 ? 'critical' : 'warning' }),
    );
    if (index >= 400) await world.commit(resolve(world, `event ${index - 400}`));
    await world.pass((58 * MINUTE) / 1_000);
  }
  expect(world.posts).toEqual([]);
  // A hundred a minute at most, and all of them.
  await world.pass(2 * MINUTE);
  expect(new Set(triggers(world)).size).toBe(1_001);
  expect(triggers(world)).toHaveLength(1_001);
  const ended = [...world.pagerduty.incidents.values()].filter((state) => state === 'resolved');
  expect(ended).toHaveLength(600);

  world.down.slack = null;
  await world.pass(10 * MINUTE);
  expect(world.posts.length).toBeLessThanOrEqual(3);
  expect(world.posts[0]).toContain('400 alerts: 40 critical, 360 warnings; 600 more are over');
  // Nothing that is over is told as if it held.
  for (const [, line = ''] of world.posts[0]?.matchAll(/• (?:CRITICAL|Warning): Event event (\d+)/g) ?? [])
    expect(Number(line)).toBeGreaterThanOrEqual(600);
  expect(await world.state.outboxDepth()).toEqual({});
  await world.pass(HOUR);
  expect(world.posts.length).toBeLessThanOrEqual(3);
});

test('while Slack is down it is asked seldom, however many wait', async () => {
  const world = await AlertsWorld.make();
  world.down.slack = UNAVAILABLE;
  for (let index = 0; index < 100; index += 1) await world.commit(raise(world, `event ${index}`));
  let asked = 0;
  Object.defineProperty(world.down, 'slack', {
    get: () => {
      asked += 1;
      return UNAVAILABLE;
    },
  });
  await world.pass(10 * MINUTE);
  expect(asked).toBeGreaterThan(5);
  expect(asked).toBeLessThan(20);
});

test('while PagerDuty is down it is asked seldom, however many wait, and then has them all', async () => {
  const world = await AlertsWorld.make();
  const down = world.down;
  let asked = 0;
  world.down = {
    slack: null,
    get pagerduty() {
      asked += 1;
      return UNAVAILABLE;
    },
  };
  for (let index = 0; index < 30; index += 1) await world.commit(raise(world, `event ${index}`));
  await world.pass(10 * MINUTE);
  // Four lanes may be under way at once when it begins.
  expect(asked).toBeGreaterThan(5);
  expect(asked).toBeLessThan(40);
  world.down = down;
  await world.pass(HOUR);
  expect(new Set(triggers(world)).size).toBeGreaterThanOrEqual(30);
});

test('an answer that was cut: Slack is told once more, marked; PagerDuty under the same key', async () => {
  const world = await AlertsWorld.make();
  world.slack.fail('cut');
  world.pagerduty.fail('cut');
  await world.commit(raise(world, 'a'));
  await world.pass(MINUTE);
  expect(world.slack.received).toHaveLength(2);
  expect(world.posts).toHaveLength(1);
  expect(world.posts[0]).toContain('Possible repeat');
  const keys = world.pagerduty.received.map(({ body }) => JSON.parse(body).dedup_key);
  expect(keys).toEqual([keys[0], keys[0]]);
});

test.each([404, 410])(
  'a webhook that is gone (%i): PagerDuty is told of that, and of the end once Slack takes a message again',
  async (status) => {
    const world = await AlertsWorld.make();
    world.down.slack = { status, body: 'no_service' };
    await world.commit(raise(world, 'a', { severity: 'warning' }));
    await world.pass(MINUTE);
    const classes = () =>
      world.pagerduty.events.map(({ event_action, payload }) => `${event_action} ${payload?.class}`);
    expect(classes()).toContain('trigger channel-failed');
    world.down.slack = null;
    await world.commit(raise(world, 'b', { kind: 'audit-broken' }));
    await world.pass(MINUTE);
    expect(world.posts.map((post) => /Event [ab]/.exec(post)?.[0])).toEqual(['Event b', 'Event a']);
    expect([...world.pagerduty.incidents.values()].filter((state) => state === 'resolved')).toHaveLength(1);
  },
);

test('in a storm Slack is told six times a minute at most, the first at once, and of everything', async () => {
  const world = await AlertsWorld.make();
  const began = world.now;
  for (let index = 0; index < 300; index += 1) {
    const severity = index % 50 === 0 ? 'critical' : 'warning';
    await world.commit(raise(world, `event ${index}`, { severity }));
    await world.pass(200);
  }
  await world.pass(5 * MINUTE);
  expect(world.postedAt[0]).toBe(began);
  for (const at of world.postedAt) {
    const minute = world.postedAt.filter((other) => other > at - MINUTE && other <= at);
    expect(minute.length).toBeLessThanOrEqual(6);
  }
  expect(await world.state.outboxDepth()).toEqual({});
  const { items } = await world.state.alerts({ limit: 1_000 });
  const deliveries = await world.state.deliveriesOf(items.map(({ id }) => id));
  expect(deliveries.filter(({ channel, state }) => channel === 'team' && state === 'delivered')).toHaveLength(
    300,
  );
});

test('PagerDuty is told a hundred times a minute at most, and what is critical goes before', async () => {
  const world = await AlertsWorld.make();
  const began = world.now;
  const minor = Array.from({ length: 200 }, (_, index) =>
    raise(world, `minor ${index}`, { severity: 'warning' }),
  );
  await world.commit(...minor);
  await world.pass(SECOND);
  expect(triggers(world)).toHaveLength(80);
  await world.commit(raise(world, 'grave'));
  await world.pass(SECOND);
  expect(triggers(world)).toHaveLength(81);
  expect(world.now - began).toBe(2 * SECOND);
  await world.pass(3 * MINUTE);
  expect(triggers(world)).toHaveLength(201);
});

test('what follows within ten seconds of its kind is gathered', async () => {
  const world = await AlertsWorld.make();
  for (const name of ['a', 'b', 'c']) {
    await world.commit(raise(world, name));
    await world.pass(SECOND);
  }
  expect(world.posts).toHaveLength(1);
  await world.pass(10 * SECOND);
  expect(world.posts).toHaveLength(2);
  expect(world.posts[1]).toContain('2 alerts: 2 critical · clock-skew');
});

test('a restart does not forget how much Slack was told in the last minute', async () => {
  const world = await AlertsWorld.make();
  for (const [index, kind] of (
    ['clock-skew', 'audit-broken', 'state-restored', 'log-silence', 'store-drift'] as const
  ).entries()) {
    await world.commit(raise(world, String(index), { kind, severity: 'warning' }));
    await world.pass(2 * SECOND);
  }
  expect(world.posts).toHaveLength(5);
  await world.restart();
  await world.commit(raise(world, 'further', { kind: 'unknown-key', severity: 'warning' }));
  await world.pass(30 * SECOND);
  expect(world.posts).toHaveLength(5);
  await world.pass(MINUTE);
  expect(world.posts).toHaveLength(6);
});

test('a provider that was told of an incident and does not answer is reminded of after four hours', async () => {
  const world = await AlertsWorld.make();
  await world.commit(raise(world, 'a', { kind: 'unknown-key', severity: 'warning' }));
  await world.pass(HOUR);
  const [alert] = (await world.state.alerts({})).items;
  if (alert === undefined) throw new Error('there is no alert');
  const reported = { ...alert, reportedAt: world.now, revision: alert.revision + 1 };
  await world.state.commit([{ type: 'alert.put', alert: reported, expected: alert.revision }]);
  await world.restart();
  await world.pass(4 * HOUR - SECOND);
  expect(world.posts.join()).not.toContain('has not answered');
  await world.pass(2 * SECOND);
  expect(world.posts.at(-1)).toContain('The provider has not answered for four hours: Event a');
});
