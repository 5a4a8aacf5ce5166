import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, type Raise, SECOND } from '../../src/model/index.ts';
import { AlertsWorld, escalatingAfter, raise, resolve } from './world.ts';

const ESCALATES = escalatingAfter(HOUR);

const warning = (world: AlertsWorld) => raise(world, 'a', { severity: 'warning', title: 'It begins' });
const critical = (world: AlertsWorld) => raise(world, 'a', { title: 'It is grave' });

const publishFailed = (world: AlertsWorld, severity: Raise['severity']) =>
  raise(world, 'p', { kind: 'publish-failed', credential: 'c', severity, title: 'Vault refuses' });
const spike = (world: AlertsWorld, severity: Raise['severity']) =>
  raise(world, 's', {
    kind: 'auth-failure-spike',
    credential: 'c',
    severity,
    title: 'Many are refused',
    evidence: { knownSources: true },
  });

/** `trigger 1` of every event that PagerDuty took, its keys numbered as they came. */
function events({ pagerduty }: AlertsWorld): string[] {
  const keys = [...new Set(pagerduty.events.map(({ dedup_key }) => dedup_key))];
  return pagerduty.events.map(
    ({ event_action, dedup_key }) => `${event_action} ${keys.indexOf(dedup_key) + 1}`,
  );
}

const standing = ({ pagerduty }: AlertsWorld) => [...pagerduty.incidents.values()];

function acknowledgeAll({ pagerduty }: AlertsWorld): void {
  for (const key of pagerduty.incidents.keys()) pagerduty.acknowledge(key);
}

test.each(['nobody', 'PagerDuty', 'Keywarden'])(
  'a warning that was escalated, acknowledged in %s, and that rises wakes whom it was escalated to at once',
  async (where) => {
    const world = await AlertsWorld.make(ESCALATES);
    await world.commit(warning(world));
    await world.pass(2 * HOUR);
    expect(events(world)).toEqual(['trigger 1']);
    if (where === 'PagerDuty') acknowledgeAll(world);
    const [alert] = await world.alerts();
    if (where === 'Keywarden' && alert !== undefined) await world.acknowledge(alert, 'ops');
    await world.commit(critical(world));
    await world.pass(MINUTE);
    expect(standing(world)).toEqual(['resolved', 'triggered']);
    expect(world.pagerduty.notified[1]).toContain('It is grave');
    expect(world.posts).toHaveLength(2);
    await world.commit(resolve(world, 'a'));
    await world.pass(MINUTE);
    expect(standing(world)).toEqual(['resolved', 'resolved']);
  },
);

test('what rises before it is escalated is escalated when its time is up', async () => {
  const world = await AlertsWorld.make(ESCALATES);
  await world.commit(warning(world));
  await world.pass(30 * MINUTE);
  await world.commit(critical(world));
  await world.pass(59 * MINUTE);
  expect(events(world)).toEqual([]);
  await world.pass(2 * MINUTE);
  expect(events(world)).toEqual(['trigger 1']);
});

describe('what rises in a silence', () => {
  async function risenInSilence(): Promise<AlertsWorld> {
    const world = await AlertsWorld.make();
    await world.commit(warning(world));
    await world.pass(MINUTE);
    await world.silence('clock-skew', 2 * HOUR);
    acknowledgeAll(world);
    await world.commit(critical(world));
    await world.pass(HOUR);
    return world;
  }

  test('leaves the incident of the warning, and wakes somebody when the silence ends', async () => {
    const world = await risenInSilence();
    expect(standing(world)).toEqual(['acknowledged']);
    await world.pass(HOUR + MINUTE);
    expect(standing(world)).toEqual(['resolved', 'triggered']);
    expect(world.pagerduty.notified[1]).toContain('Rises to critical; it was told as a warning before.');
    expect(world.posts).toHaveLength(2);
    const open = (await world.alerts()).filter(({ state }) => state !== 'resolved');
    expect(open).toMatchObject([{ severity: 'critical', generation: 2, count: 2 }]);
    await world.commit(resolve(world, 'a'));
    await world.pass(MINUTE);
    expect(standing(world)).toEqual(['resolved', 'resolved']);
    expect(await world.state.outboxDepth()).toEqual({});
  });

  test('is told after a restart where the silence ended meanwhile', async () => {
    const world = await risenInSilence();
    world.now += 2 * HOUR;
    await world.restart();
    await world.pass(MINUTE);
    expect(standing(world)).toEqual(['resolved', 'triggered']);
    await world.restart();
    await world.pass(MINUTE);
    expect(events(world)).toEqual(['trigger 1', 'trigger 2', 'resolve 1']);
  });

  test('is told once, whatever dies while it is', async () => {
    const world = await risenInSilence();
    world.now += 2 * HOUR;
    world.dies();
    await world.pass(SECOND);
    await world.restart();
    await world.pass(MINUTE);
    expect([standing(world), world.pagerduty.notified.length]).toEqual([['resolved', 'triggered'], 2]);
  });

  test('and ends in it ends the incident of the warning', async () => {
    const world = await risenInSilence();
    await world.commit(resolve(world, 'a'));
    await world.pass(3 * HOUR);
    expect(events(world)).toEqual(['trigger 1', 'resolve 1']);
  });

  test('goes on explaining what it explained before', async () => {
    const world = await AlertsWorld.make();
    await world.commit(publishFailed(world, 'warning'));
    await world.pass(MINUTE);
    await world.commit(spike(world, 'critical'));
    await world.silence('publish-failed', 5 * HOUR);
    await world.commit(publishFailed(world, 'critical'));
    await world.pass(HOUR);
    // One incident stands for both.
    expect([events(world), standing(world)]).toEqual([['trigger 1'], ['triggered']]);
    await world.pass(5 * HOUR);
    expect(standing(world)).toEqual(['resolved', 'triggered']);
    expect(world.pagerduty.notified[1]).toContain('Vault refuses');
  });
});

test('what rises while another alert explains it keeps its incident, and is told when that ends', async () => {
  const world = await AlertsWorld.make();
  await world.commit(spike(world, 'warning'));
  await world.pass(MINUTE);
  acknowledgeAll(world);
  await world.commit(publishFailed(world, 'warning'));
  await world.pass(MINUTE);
  await world.commit(spike(world, 'critical'));
  await world.pass(MINUTE);
  expect(standing(world)).toEqual(['acknowledged', 'triggered']);
  await world.commit({ ...resolve(world, 'p'), kind: 'publish-failed', credential: 'c' });
  await world.pass(MINUTE);
  expect(standing(world)).toEqual(['resolved', 'resolved', 'triggered']);
  expect(world.pagerduty.notified[2]).toContain('Many are refused');
});
