import { expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { agentsOf, foldReport } from './agents.ts';
import { START, World } from './testing/world.ts';

const AGENT = 'agent:checkout-1';

/** The agent says what it holds, and counts from then on. */
function report(world: World, number: number | null, agent = 'checkout-1'): void {
  world.command((situation, now) => foldReport(situation, { agent, number }, now));
  notice(world);
}

/** The engine gathers the agents anew at each turn. */
function notice(world: World): void {
  const places = world.destinations.filter(({ lane }) => lane !== null);
  world.destinations = [...places, ...agentsOf(world.memory.snapshot(), world.now)];
  world.wake();
}

function withAgent(): World {
  const world = World.managing();
  report(world, 1);
  return world;
}

const stateOf = (world: World) => world.memory.snapshot().destinations.find(({ id }) => id === AGENT);

test('an agent that holds the current version counts as a destination that has it', () => {
  const world = withAgent();
  expect(agentsOf(world.memory.snapshot(), world.now)).toEqual([
    { id: AGENT, required: false, consumerLag: 0, lane: null },
  ]);
  expect(stateOf(world)).toMatchObject({ state: 'published', publishedAt: START, checkedAt: START });
});

test('a rotation waits for the agent, and reaches its overlap once it says that it holds the new version', () => {
  const world = withAgent();
  world.rotate();
  world.advance('1m');
  expect(world.open?.state).toBe('publishing');
  report(world, 2);
  expect(world.open?.state).toBe('overlap');
  const steps = world.situation().steps.filter(({ destination }) => destination === AGENT);
  expect(steps).toMatchObject([{ name: 'publish', state: 'done' }]);
});

/** Time passes, and the agent says every hour that it holds version 1. */
function passes(world: World, hours: number): void {
  for (let hour = 0; hour < hours; hour += 1) {
    world.advance('1h');
    report(world, 1);
  }
}

test('one that lags behind is told as any destination is, and that ends when it catches up', () => {
  const world = withAgent();
  world.rotate();
  passes(world, 48);
  expect(world.alerts.get(`publish-failed ${AGENT}`)).toMatchObject({
    severity: 'warning',
    action: expect.stringContaining('See whether the agent runs'),
  });
  passes(world, 23);
  expect(world.alerts.get(`publish-failed ${AGENT}`)).toMatchObject({ severity: 'critical' });
  report(world, 2);
  expect(world.alerts.get(`publish-failed ${AGENT}`)).toBeUndefined();
  expect(world.open?.state).toBe('overlap');
});

test('one that falls silent is not waited for, but told, and forgotten after seven days', () => {
  const world = withAgent();
  world.rotate();
  world.advance('1m');
  expect(world.open?.state).toBe('publishing');
  world.advance('3h');
  notice(world);
  expect(world.open?.state).toBe('overlap');
  world.advance(2 * DAY);
  expect(world.alerts.get(`publish-failed ${AGENT}`)).toMatchObject({
    severity: 'warning',
    title: expect.stringContaining(`nothing was heard of ${AGENT} since 2026-10-01T09:00:00Z`),
  });
  world.advance(DAY);
  expect(world.open).toBeNull();
  world.advance(4 * DAY);
  notice(world);
  expect(world.alerts.get(`publish-failed ${AGENT}`)).toBeUndefined();
});

test('one that says goodbye holds up nothing, and is not missed', () => {
  const world = withAgent();
  world.rotate();
  world.advance('1m');
  report(world, null);
  expect(world.open?.state).toBe('overlap');
  expect(agentsOf(world.memory.snapshot(), world.now)).toEqual([]);
  const again = foldReport(world.situation(), { agent: 'checkout-1', number: null }, world.now);
  expect(again.changes).toEqual([]);
  expect(world.alarms).toEqual([]);
});

test('one that comes during an overlap does not hide those who still use the old key', () => {
  const world = World.managing();
  world.rotate();
  world.advance(2 * DAY + HOUR);
  const user = { keyId: 'key_1', ip: '198.51.100.7', userAgent: null, calls: 9, firstSeenAt: START };
  world.users = [{ ...user, lastSeenAt: world.now }];
  world.wake();
  const told = () => world.alarms.filter((alarm) => alarm.startsWith('old-key-in-use'));
  expect(told()).toEqual(['old-key-in-use 1d warning']);
  world.advance('1m');
  report(world, 2, 'job-1');
  expect(told()).toEqual(['old-key-in-use 1d warning']);
});

test('the same word again is written every ten minutes only', () => {
  const world = withAgent();
  const again = (now: number) => foldReport(world.situation(), { agent: 'checkout-1', number: 1 }, now);
  expect(again(START + 1).changes).toEqual([]);
  expect(again(START + HOUR).changes).toMatchObject([
    { type: 'destination.put', destination: { checkedAt: START + HOUR, publishedAt: START } },
  ]);
});

test('a version that nobody here knows is held for what it is', () => {
  const world = withAgent();
  report(world, 7);
  expect(stateOf(world)).toMatchObject({
    state: 'pending',
    versionId: null,
    lastError: { code: 'unknown_version' },
  });
});
