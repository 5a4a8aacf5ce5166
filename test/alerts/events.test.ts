import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, type Raise, SECOND } from '../../src/model/index.ts';
import { AlertsWorld, escalatingAfter, raise } from './world.ts';

const ESCALATES = escalatingAfter(10 * MINUTE);

const event = (world: AlertsWorld, fields: Partial<Raise> = {}) =>
  raise(world, 'key_9', { kind: 'foreign-mint', title: 'Somebody minted a key', transient: true, ...fields });

/** An event that Slack was told of. */
async function told(fields: Partial<Raise> = {}): Promise<AlertsWorld> {
  const world = await AlertsWorld.make(ESCALATES);
  await world.commit(event(world, fields));
  await world.pass(MINUTE);
  expect([world.posts.length, world.pagerduty.events.length]).toEqual([1, 0]);
  return world;
}

async function only(world: AlertsWorld) {
  const [alert, ...more] = await world.alerts();
  if (alert === undefined || more.length > 0) throw new Error('there is not one alert');
  return alert;
}

describe('an event that is critical', () => {
  test('escalates and is told again while nobody takes it on, for a day, also over a restart', async () => {
    const world = await told();
    await world.pass(8 * MINUTE);
    expect(world.pagerduty.events).toEqual([]);
    await world.restart();
    await world.pass(2 * MINUTE);
    expect(world.pagerduty.notified).toHaveLength(1);
    await world.pass(4 * HOUR);
    expect(world.posts).toHaveLength(2);
    expect(world.posts[1]).toContain('CRITICAL: Somebody minted a key');
    await world.pass(DAY);
    const after = world.posts.length;
    expect(after).toBe(6);
    await world.pass(7 * DAY);
    expect(world.posts).toHaveLength(after);
    expect(await only(world)).toMatchObject({ state: 'resolved', transient: true });
    expect(await world.state.scheduled('alert')).toEqual([]);
  });

  test('that somebody takes on presses nobody any more, and PagerDuty learns of it', async () => {
    const world = await told();
    await world.pass(10 * MINUTE);
    await world.acknowledge(await only(world), 'ops');
    await world.pass(DAY);
    expect(world.posts).toHaveLength(1);
    expect([...world.pagerduty.incidents.values()]).toEqual(['acknowledged']);
    expect(await only(world)).toMatchObject({ state: 'resolved', acknowledgedBy: 'ops' });
  });

  test('that is taken on in time does not escalate', async () => {
    const world = await told();
    await world.acknowledge(await only(world), 'ops');
    await world.pass(DAY);
    expect([world.posts.length, world.pagerduty.events.length]).toEqual([1, 0]);
  });

  test('that a silence kept quiet is not told after it', async () => {
    const world = await AlertsWorld.make(ESCALATES);
    const all = { kind: [], credential: [], severity: [], reason: '', author: 'ops' };
    const silence = { ...all, id: 's', createdAt: world.now, endsAt: world.now + HOUR };
    await world.state.commit([{ type: 'silence.put', silence }]);
    await world.commit(event(world));
    await world.pass(DAY);
    expect([world.posts.length, world.pagerduty.events.length]).toEqual([0, 0]);
  });

  test('escalates in time though the clock stood ahead when it came and was set right over a restart', async () => {
    const world = await AlertsWorld.make(ESCALATES);
    world.now += 365 * DAY;
    await world.commit(event(world));
    await world.pass(SECOND);
    world.now -= 365 * DAY;
    await world.restart();
    await world.pass(11 * MINUTE);
    expect(world.pagerduty.notified).toHaveLength(1);
  });
});

describe('an event that is critical and that PagerDuty refused', () => {
  const refuses = { status: 404, body: 'gone' };

  /** Nothing is repeated, as is the default. */
  async function refused(): Promise<AlertsWorld> {
    const world = await AlertsWorld.make(undefined, Number.POSITIVE_INFINITY);
    world.down.pagerduty = refuses;
    await world.commit(event(world));
    await world.pass(10 * MINUTE);
    world.down.pagerduty = null;
    return world;
  }

  test('is told there once PagerDuty takes another', async () => {
    const world = await refused();
    await world.commit(raise(world, 'other'));
    await world.pass(2 * MINUTE);
    expect(world.pagerduty.notified).toHaveLength(2);
    expect(world.pagerduty.notified[1]).toContain('Somebody minted a key');
    expect(world.posts.filter((post) => post.includes('minted'))).toHaveLength(1);
  });

  test('is told there after a restart', async () => {
    const world = await refused();
    await world.restart();
    await world.pass(MINUTE);
    expect(world.pagerduty.notified).toHaveLength(1);
  });

  test('is told there for a day, and looked at no longer', async () => {
    const world = await refused();
    await world.pass(DAY);
    await world.commit(raise(world, 'other'));
    await world.pass(HOUR);
    expect(world.pagerduty.notified).toHaveLength(1);
    const ids = (await world.state.scheduled('alert')).map(({ id }) => id);
    const event = (await world.alerts()).find(({ kind }) => kind === 'foreign-mint');
    expect(ids).not.toContain(event?.id);
  });
});

test('an event is told again where nobody is woken, and not at PagerDuty, where its incident may be resolved', async () => {
  const world = await AlertsWorld.make();
  await world.commit(event(world));
  await world.pass(2 * DAY);
  expect(world.pagerduty.events).toHaveLength(1);
  expect(world.posts.length).toBeGreaterThan(1);
});

test.each(['warning', 'info'] as const)('an event of the severity %s is told once', async (severity) => {
  const world = await told({ severity });
  await world.acknowledge(await only(world), 'ops');
  await world.pass(2 * DAY);
  expect([world.posts.length, world.pagerduty.events.length]).toEqual([1, 0]);
  expect((await only(world)).acknowledgedBy).toBeNull();
});
