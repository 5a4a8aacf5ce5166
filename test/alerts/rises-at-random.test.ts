import { expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import { Draw } from '../traffic/draw.ts';
import { AlertsWorld, raise, resolve, UNAVAILABLE } from './world.ts';

const SEEDS = 25;
const STEPS = 30;

type Step = (world: AlertsWorld, draw: Draw) => Promise<void>;

const STEP: readonly Step[] = [
  ...Array.from(
    { length: 4 },
    (): Step => async (world, draw) => {
      const severity = draw.pick(['info', 'warning', 'critical'] as const);
      await world.commit(raise(world, draw.pick(['a', 'b']), { severity }));
    },
  ),
  async (world, draw) => world.commit(resolve(world, draw.pick(['a', 'b']))),
  async (world, draw) => {
    const open = (await world.alerts()).filter(({ state }) => state === 'triggered');
    if (open.length > 0) await world.acknowledge(draw.pick(open), 'ops');
  },
  async (world, draw) => {
    const keys = [...world.pagerduty.incidents.keys()];
    if (keys.length > 0) world.pagerduty.acknowledge(draw.pick(keys));
  },
  async (world, draw) => void world.pagerduty.fail(draw.pick(['cut', UNAVAILABLE])),
  async (world, draw) => {
    world.down.pagerduty = draw.chance(0.3) ? UNAVAILABLE : null;
  },
  async (world, draw) => world.silence('clock-skew', draw.pick([SECOND, MINUTE, HOUR / 2])),
  async (world) => {
    world.dies();
    await world.pass(SECOND);
    await world.restart();
  },
];

test('whatever rises, ends, is taken on, silenced and killed: nothing graver goes under the key of a lesser incident, and all end', {
  timeout: 120_000,
}, async () => {
  let rises = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const draw = new Draw(seed);
    const world = await AlertsWorld.make();
    for (let step = 0; step < STEPS; step += 1) {
      await draw.pick(STEP)(world, draw);
      await world.pass(draw.pick([0, SECOND, MINUTE, HOUR]));
      const open = (await world.alerts()).filter(({ state }) => state !== 'resolved');
      expect(new Set(open.map(({ identity }) => identity)).size, `seed ${seed}`).toBe(open.length);
    }
    world.down.pagerduty = null;
    await world.pass(HOUR);
    const open = (await world.alerts()).filter(({ state }) => state !== 'resolved');
    const standing = [...world.pagerduty.incidents].filter(([, state]) => state !== 'resolved');
    const heard = new Set(
      (await world.state.deliveriesOf(open.map(({ id }) => id))).map((one) => one.alertId),
    );
    // That a channel fails is told on the others; what was taken on in a silence is not told after it.
    const owed = open
      .filter(({ id, kind, state }) => kind !== 'channel-failed' && (heard.has(id) || state === 'triggered'))
      .map(({ dedupKey }) => dedupKey);
    expect(standing.map(([key]) => key).toSorted(), `seed ${seed}`).toEqual(owed.toSorted());
    expect(await world.state.outboxDepth(), `seed ${seed}`).toEqual({});
    for (const [key, events] of Map.groupBy(world.pagerduty.events, ({ dedup_key }) => dedup_key)) {
      const triggers = events.filter(({ event_action }) => event_action === 'trigger');
      const severities = new Set(triggers.map(({ payload }) => payload?.severity));
      // None: it may have arrived for all that we knew, and its end was told.
      expect(severities.size, `seed ${seed}: ${key}`).toBeLessThanOrEqual(1);
      const story = events.map(({ event_action }) => event_action).join(' ');
      expect(story, `seed ${seed}: ${key}`).not.toMatch(/resolve (?:.* )?trigger/);
    }
    rises += (await world.alerts()).filter(({ evidence }) => evidence.goesOnAs !== undefined).length;
  }
  expect(rises).toBeGreaterThan(SEEDS);
});
