import { expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import { AlertsWorld, raise, resolve, UNAVAILABLE } from './world.ts';

const warning = (world: AlertsWorld) => raise(world, 'a', { severity: 'warning', title: 'It begins' });
const critical = (world: AlertsWorld) => raise(world, 'a', { title: 'It is grave' });

/** `trigger 1` of every event that PagerDuty took, its keys numbered as they came. */
function events({ pagerduty }: AlertsWorld): string[] {
  const keys = [...new Set(pagerduty.events.map(({ dedup_key }) => dedup_key))];
  return pagerduty.events.map(
    ({ event_action, dedup_key }) => `${event_action} ${keys.indexOf(dedup_key) + 1}`,
  );
}

const standing = ({ pagerduty }: AlertsWorld) => [...pagerduty.incidents.values()];

/** A warning that PagerDuty and Slack were told of. */
async function warned(): Promise<AlertsWorld> {
  const world = await AlertsWorld.make();
  await world.commit(warning(world));
  await world.pass(MINUTE);
  expect([world.pagerduty.notified.length, world.posts.length]).toEqual([1, 1]);
  return world;
}

async function only(world: AlertsWorld) {
  const [alert, ...more] = (await world.alerts()).filter(({ state }) => state !== 'resolved');
  if (alert === undefined || more.length > 0) throw new Error(`${more.length + 1} alerts are open`);
  return alert;
}

test('what was acknowledged as a warning and rises wakes somebody again, who learns what became of the warning', async () => {
  const world = await warned();
  await world.acknowledge(await only(world), 'ops');
  await world.pass(MINUTE);
  expect(standing(world)).toEqual(['acknowledged']);
  const before = await only(world);
  const at = world.now - MINUTE;
  await world.commit(critical(world));
  const risen = await only(world);
  expect(risen).toMatchObject({ severity: 'critical', state: 'triggered', generation: 2, count: 2 });
  expect(risen.dedupKey).not.toBe(before.dedupKey);
  await world.pass(MINUTE);
  expect(events(world)).toEqual(['trigger 1', 'acknowledge 1', 'trigger 2', 'resolve 1']);
  expect(standing(world)).toEqual(['resolved', 'triggered']);
  const words = `Rises to critical; it was acknowledged as a warning by ops at ${new Date(at).toISOString().replace('.000', '')}. It is so.`;
  expect(world.pagerduty.notified[1]).toBe(`It is grave · production · ${words}`);
  // Slack is told of the rise, and not that anything was resolved.
  expect(world.posts.slice(1)).toHaveLength(1);
  expect(world.posts[1]).toContain(words);
  expect(world.posts[1]).not.toMatch(/Resolved|Worse now/);

  await world.commit(resolve(world, 'a'));
  await world.pass(MINUTE);
  expect(standing(world)).toEqual(['resolved', 'resolved']);
  expect(world.posts).toHaveLength(3);
  expect(world.posts[2]).toContain('Resolved: It is grave');
  expect(await world.state.outboxDepth()).toEqual({});
});

test('what somebody acknowledged in PagerDuty itself and rises wakes somebody, though Keywarden never heard of it', async () => {
  const world = await warned();
  for (const key of world.pagerduty.incidents.keys()) world.pagerduty.acknowledge(key);
  await world.commit(warning(world));
  await world.pass(MINUTE);
  expect(world.pagerduty.notified).toHaveLength(1);
  await world.commit(critical(world));
  await world.pass(MINUTE);
  expect(standing(world)).toEqual(['resolved', 'triggered']);
  expect(world.pagerduty.notified[1]).toContain('Rises to critical; it was told as a warning before.');
});

test('what rises before PagerDuty was told of it keeps its key, and is told once', async () => {
  const world = await AlertsWorld.make();
  await world.commit(warning(world));
  await world.commit(critical(world));
  await world.pass(MINUTE);
  expect(events(world)).toEqual(['trigger 1']);
  expect(await only(world)).toMatchObject({ generation: 1 });
});

test('a kill at every step of a rise loses no page, ends every incident, and opens none of the former key again', async () => {
  for (let step = 0; step < 5; step += 1) {
    const world = await warned();
    const restarts = async (at: number) => {
      if (at !== step) return;
      world.dies();
      await world.pass(SECOND);
      await world.restart();
    };
    await restarts(0);
    await world.acknowledge(await only(world), 'ops');
    await restarts(1);
    await world.pass(MINUTE);
    await world.commit(critical(world));
    await restarts(2);
    await world.pass(MINUTE);
    await restarts(3);
    expect([step, standing(world)]).toEqual([step, ['resolved', 'triggered']]);
    expect(world.pagerduty.notified).toHaveLength(2);
    await world.commit(resolve(world, 'a'));
    await restarts(4);
    await world.pass(5 * MINUTE);
    expect([step, standing(world)]).toEqual([step, ['resolved', 'resolved']]);
    for (const key of ['1', '2']) {
      const own = events(world).filter((event) => event.endsWith(key));
      expect(own.join(' ')).toMatch(/^(?:trigger . ?)+(?:acknowledge . )*(?:resolve . ?)+$/);
    }
    expect(await world.state.outboxDepth()).toEqual({});
  }
});

test('where PagerDuty is down the incident of the warning ends before or after, but never stays', async () => {
  const world = await warned();
  world.down.pagerduty = UNAVAILABLE;
  await world.acknowledge(await only(world), 'ops');
  await world.pass(MINUTE);
  await world.commit(critical(world));
  await world.pass(10 * MINUTE);
  world.down.pagerduty = null;
  await world.pass(HOUR);
  expect(standing(world)).toEqual(['resolved', 'triggered']);
  expect(events(world)).not.toContain('acknowledge 1');
  expect(world.pagerduty.notified).toHaveLength(2);
});

test('Slack that was down hears of what rose once, at its present severity', async () => {
  const world = await AlertsWorld.make();
  world.down.slack = UNAVAILABLE;
  await world.commit(warning(world));
  await world.pass(MINUTE);
  await world.commit(critical(world));
  await world.pass(MINUTE);
  world.down.slack = null;
  await world.pass(HOUR);
  expect(world.posts).toHaveLength(1);
  expect(world.posts[0]).toContain('CRITICAL: It is grave');
});

test('a route that tells Slack of warnings alone has it told that one goes on elsewhere', async () => {
  const any = { kind: [], credential: [], continue: false, escalate: null };
  const world = await AlertsWorld.make([
    { ...any, severity: ['critical'], channels: ['oncall'] },
    { ...any, severity: [], channels: ['team', 'oncall'] },
  ]);
  await world.commit(warning(world));
  await world.pass(MINUTE);
  await world.commit(critical(world));
  await world.pass(MINUTE);
  const { id } = await only(world);
  expect(world.posts).toHaveLength(2);
  expect(world.posts[1]).toContain('Worse now: It begins');
  expect(world.posts[1]).toContain(`It got worse and goes on as alert ${id}.`);
});
