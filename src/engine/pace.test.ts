import { beforeEach, describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../model/index.ts';
import type { Sent } from '../state/contract.ts';
import { Committer } from './commit.ts';
import { Deliveries } from './deliver.ts';
import { Pace } from './pace.ts';
import { reconcileConfiguration } from './start.ts';
import { BUSY, OutboxWorld, REFUSED } from './testing/outbox.ts';

let world: OutboxWorld;
beforeEach(async () => {
  world = await OutboxWorld.make();
});

/** What a channel is told within `ms` of a restart. */
async function restart(context: ReturnType<OutboxWorld['contextWith']>, ms: number): Promise<string[]> {
  await world.state.commit(await reconcileConfiguration(context));
  const before = world.seen.length;
  await world.pass(context, ms, new Deliveries(context, new Committer(context, () => {})));
  return world.seen.slice(before);
}

describe('a restart', () => {
  test('does not let what is gathered go early, but what is graver', async () => {
    const context = world.contextWith('team');
    await world.commit(context, world.raise({ severity: 'warning' }));
    await world.pass(context, SECOND);
    await world.commit(context, world.raise({ severity: 'warning', condition: 'b' }));
    expect(await restart(context, 8 * SECOND)).toEqual([]);
    await world.commit(context, world.raise({ condition: 'c' }));
    expect(await restart(context, SECOND / 2)).toHaveLength(1);
    expect(await restart(context, 10 * SECOND)).toHaveLength(1);
  });

  test('asks no channel before the time for which it asked', async () => {
    const context = world.contextWith('team');
    world.down.set('team', { ...BUSY, retryAfterMs: 10 * MINUTE });
    await world.commit(context, world.raise());
    await world.pass(context, SECOND);
    world.down.clear();
    expect(await restart(context, 9 * MINUTE)).toEqual([]);
    expect(await restart(context, MINUTE)).toHaveLength(1);
  });

  test('counts what was sent in the last minute, also what was not taken or may have been', async () => {
    const context = world.contextWith('team');
    world.down.set('team', REFUSED);
    for (const [index, kind] of (['clock-skew', 'audit-broken', 'log-silence'] as const).entries()) {
      await world.commit(context, world.raise({ kind, condition: `${index}` }));
      await world.pass(context, 0);
      world.now += 2 * SECOND;
    }
    expect(world.sent).toBe(3);
    world.down.clear();
    const more = ['store-drift', 'unknown-key', 'foreign-mint', 'hook-failed', 'key-orphaned'] as const;
    await world.pass(context, SECOND);
    for (const kind of more) await world.commit(context, world.raise({ kind }));
    await restart(context, 40 * SECOND);
    expect(world.sent).toBe(6);
    await restart(context, MINUTE);
    expect(world.sent).toBeGreaterThan(6);
  });
});

test('of a channel that takes one at a time every message before the start counts', async () => {
  const sent: Sent = {
    times: [{ at: world.now - 10 * SECOND, count: 100 }],
    told: [],
    tried: null,
  };
  const { clock } = world.contextWith('team');
  const paceOf = (kind: string, times = sent.times) =>
    Pace.of({ clock, state: { sent: async () => ({ ...sent, times }) } }, { name: 'a', kind, wait: MINUTE });
  await world.commit(world.contextWith('team'), world.raise());
  const [alert] = (await world.state.alerts({})).items;
  const [delivery] = await world.state.deliveries(alert?.id ?? '');
  if (alert === undefined || delivery === undefined) throw new Error('an alert was raised');
  const owed = { delivery, alert };
  expect((await paceOf('pagerduty')).waitFor(owed)).toBe(50 * SECOND);
  expect((await paceOf('slack')).waitFor(owed)).toBe(0);
  // A clock that was set back cannot say when it was.
  const ahead = [{ at: world.now + HOUR, count: 100 }];
  expect((await paceOf('pagerduty', ahead)).waitFor(owed)).toBe(0);
});

describe('five hundred that wait for room', () => {
  const pageOf = async (condition: string) => {
    const context = world.contextWith('oncall');
    await world.commit(context, world.raise({ condition }));
    const alert = (await world.state.alerts({})).items.find((one) => one.identity.includes(condition));
    const [delivery] = await world.state.deliveries(alert?.id ?? '');
    if (alert === undefined || delivery === undefined) throw new Error('an alert was raised');
    const of = { name: 'oncall', kind: 'pagerduty', wait: 0 };
    const pace = await Pace.of({ clock: context.clock, state: world.state }, of);
    const owed = (id: string) => ({ alert, delivery: { ...delivery, id } });
    for (let one = 0; one < 500; one += 1) if (pace.waitFor(owed(`${one}`)) === 0) pace.begins();
    return { pace, owed };
  };

  test('keep no room once they are no longer owed', async () => {
    const { pace, owed } = await pageOf('first');
    world.now += 20 * SECOND;
    expect(pace.waitFor(owed('new'))).toBeGreaterThan(MINUTE);
    for (let one = 0; one < 500; one += 1) pace.forget(`${one}`);
    expect(pace.waitFor(owed('new'))).toBe(40 * SECOND);
  });

  test('go in their order, a hundred a minute, and few of them look in vain', async () => {
    const { pace, owed } = await pageOf('first');
    const start = world.now;
    const dueAt = new Map(Array.from({ length: 400 }, (_, one) => [`${one + 100}`, world.now]));
    const went: string[] = [];
    let looks = 0;
    while (dueAt.size > 0) {
      const [id, at] = [...dueAt].reduce((first, other) => (other[1] < first[1] ? other : first));
      world.now = Math.max(world.now, at);
      looks += 1;
      const wait = pace.waitFor(owed(id));
      if (wait > 0) {
        dueAt.set(id, world.now + Math.ceil(wait));
        continue;
      }
      dueAt.delete(id);
      went.push(id);
      pace.begins();
      pace.delivered([]);
    }
    expect(world.now - start).toBe(4 * MINUTE);
    expect(went).toEqual(Array.from({ length: 400 }, (_, one) => `${one + 100}`));
    expect(looks).toBeLessThan(2_000);
  });
});

test('a message may have arrived only when it is answered: from then on it counts', async () => {
  const context = world.contextWith('team');
  await world.commit(context, world.raise());
  const [alert] = (await world.state.alerts({})).items;
  const [delivery] = await world.state.deliveries(alert?.id ?? '');
  if (alert === undefined || delivery === undefined) throw new Error('an alert was raised');
  const of = { name: 'team', kind: 'slack', wait: 0 };
  const pace = await Pace.of({ clock: context.clock, state: world.state }, of);
  const start = world.now;
  for (let message = 0; message < 6; message += 1) {
    pace.begins();
    expect(pace.waitFor({ delivery, alert })).toBeGreaterThan(0);
    world.now += 3 * SECOND;
    pace.delivered([]);
    world.now += SECOND;
  }
  expect(world.now + pace.waitFor({ delivery, alert })).toBe(start + 3 * SECOND + MINUTE);
});
