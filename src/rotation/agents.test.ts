import { expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { agentsOf, foldReport } from './agents.ts';
import { START, World } from './testing/world.ts';

const AGENT = 'agent:checkout-1';

/** The agent says what it holds, and counts from then on. */
function report(world: World, number: number): void {
  world.command((situation, now) => foldReport(situation, { agent: 'checkout-1', number }, now));
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

test('one that lags behind is told as any destination is, and that ends when it catches up', () => {
  const world = withAgent();
  world.rotate();
  world.advance(2 * DAY);
  report(world, 1);
  expect(world.alerts.get(`publish-failed ${AGENT}`)).toMatchObject({
    severity: 'warning',
    action: expect.stringContaining('See whether the agent runs'),
  });
  report(world, 2);
  expect(world.alerts.get(`publish-failed ${AGENT}`)).toBeUndefined();
});

test('one that says nothing for seven days holds up nothing any more', () => {
  const world = withAgent();
  world.rotate();
  world.advance(3 * DAY + HOUR);
  expect(world.open?.state).toBe('attention');
  world.advance(4 * DAY);
  notice(world);
  expect(world.open).toBeNull();
  expect(world.alerts.get(`publish-failed ${AGENT}`)).toBeUndefined();
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
