import { beforeEach, describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../model/index.ts';
import { Committer } from './commit.ts';
import { Deliveries } from './deliver.ts';
import { BUSY, OutboxWorld, REFUSED } from './testing/outbox.ts';

let world: OutboxWorld;
beforeEach(async () => {
  world = await OutboxWorld.make();
});

const END = { type: 'resolve', kind: 'clock-skew', condition: '' } as const;

describe('an alert that ends while its channel is down', () => {
  test('is told once the channel is back, and at once thereafter its end', async () => {
    const context = world.contextWith('team');
    world.down.set('team', BUSY);
    await world.commit(context, world.raise());
    await world.pass(context, 10_000);
    await world.commit(context, { ...END, at: world.now });
    await world.pass(context, 20 * 3_600_000);
    expect(world.seen).toEqual([]);
    world.down.clear();
    await world.pass(context, 300_000);
    expect(world.seen).toEqual(['team trigger clock-skew resolved', 'team resolve clock-skew resolved']);
    const [trigger, end] = await world.state.deliveries(
      (await world.state.alerts({})).items.at(-1)?.id ?? '',
    );
    // Slack takes one message a second.
    expect(end?.at).toBe((trigger?.at ?? 0) + 1_000);
    expect(await world.state.outboxDepth()).toEqual({});
  });

  test('wakes nobody afterwards, and is told where it was over as soon as it was known', async () => {
    const context = world.contextWith('oncall');
    const own = new Deliveries(context, new Committer(context, () => {}));
    world.down.set('oncall', BUSY);
    const conditions = Array.from({ length: 20 }, (_, index) => `${index}`);
    await world.commit(context, ...conditions.map((condition) => world.raise({ condition })));
    await world.pass(context, HOUR, own);
    const ends = conditions.slice(1).map((condition) => ({ ...END, condition, at: world.now }));
    await world.commit(context, ...ends);
    world.down.clear();
    await world.pass(context, 10 * MINUTE, own);
    expect(world.seen).toEqual(['oncall trigger clock-skew triggered']);
    expect(await world.state.outboxDepth()).toEqual({});
    await world.commit(context, world.raise({ kind: 'audit-broken' }), {
      ...END,
      kind: 'audit-broken',
      at: world.now,
    });
    await world.pass(context, MINUTE, own);
    expect(world.seen.slice(1)).toEqual([
      'oncall trigger audit-broken resolved',
      'oncall resolve audit-broken resolved',
    ]);
  });

  test('keeps no room where the channel was full', async () => {
    const context = world.contextWith('oncall');
    const own = new Deliveries(context, new Committer(context, () => {}));
    const conditions = Array.from({ length: 250 }, (_, index) => `${index}`);
    await world.commit(context, ...conditions.map((condition) => world.raise({ condition })));
    await world.pass(context, SECOND, own);
    expect(world.sent).toBe(100);
    const told = new Set((await world.state.pendingDeliveries()).map(({ alertId }) => alertId));
    const waiting = (await world.state.alerts({ limit: 1_000 })).items.filter(({ id }) => told.has(id));
    const ends = waiting.map(
      ({ identity }) => conditions.find((one) => identity.endsWith(`"${one}"]`)) ?? '',
    );
    await world.commit(context, ...ends.map((condition) => ({ ...END, condition, at: world.now })));
    await world.pass(context, 19 * SECOND, own);
    await world.commit(context, world.raise({ kind: 'audit-broken' }));
    await world.pass(context, 40 * SECOND, own);
    expect(world.seen.slice(100)).toEqual(['oncall trigger audit-broken triggered']);
  });

  test('is not told at all where it was for information', async () => {
    const context = world.contextWith('team');
    world.down.set('team', BUSY);
    await world.commit(context, world.raise({ severity: 'info' }));
    await world.pass(context, 1_000);
    await world.commit(context, { ...END, at: world.now });
    world.down.clear();
    await world.pass(context, 300_000);
    expect(world.seen).toEqual([]);
    expect(await world.state.outboxDepth()).toEqual({});
  });
});

describe('one alert that a channel never takes', () => {
  const delivered = async () => {
    const { items } = await world.state.alerts({ limit: 100 });
    return (await world.state.deliveriesOf(items.map(({ id }) => id))).filter(
      (one) => one.state === 'delivered',
    ).length;
  };

  test('because of what it holds is lost alone, whatever it was sent together with', async () => {
    world.gathers = true;
    world.bad = { title: 'title 17', failure: { code: 'bad_message', verdict: 'permanent', message: '400' } };
    const context = world.contextWith('team');
    const titles = Array.from({ length: 40 }, (_, index) => `title ${index}`);
    await world.commit(context, ...titles.map((title) => world.raise({ condition: title, title })));
    await world.pass(context, HOUR);
    expect(await delivered()).toBe(39);
  });

  test.each(['critical', 'warning'] as const)(
    'for now (%s) does not keep back what it was sent together with, nor is it told apart by many messages',
    async (severity) => {
      world.gathers = true;
      world.bad = { title: 'title 17', failure: BUSY };
      const context = world.contextWith('team');
      const titles = Array.from({ length: 60 }, (_, index) => `title ${index}`);
      await world.commit(
        context,
        ...titles.map((title) =>
          world.raise({
            condition: title,
            title,
            severity: title === world.bad?.title ? severity : 'warning',
          }),
        ),
      );
      await world.pass(context, HOUR, new Deliveries(context, new Committer(context, () => {})));
      expect(await delivered()).toBe(59);
      expect(world.sent).toBeLessThan(60);
      world.bad = null;
      await world.pass(context, 10 * MINUTE);
      expect(await world.state.outboxDepth()).toEqual({});
    },
  );

  test('for now does not hold up what comes after it', async () => {
    world.gathers = true;
    world.bad = { title: 'title 0', failure: BUSY };
    const context = world.contextWith('team');
    const deliveries = new Deliveries(context, new Committer(context, () => {}));
    await world.commit(context, world.raise({ title: 'title 0' }));
    for (let round = 0; round < 12; round += 1) {
      await world.commit(context, world.raise({ kind: 'audit-broken', condition: `${round}` }));
      await world.pass(context, 10 * 60_000, deliveries);
    }
    await world.commit(context, world.raise({ kind: 'audit-broken', condition: 'last' }));
    await world.pass(context, 30_000, deliveries);
    expect(world.seen).toHaveLength(13);
  });
});

test('what a channel refused for good is told when it delivers again, and no more than once', async () => {
  const context = world.contextWith('team');
  world.down.set('team', REFUSED);
  await world.commit(context, world.raise());
  await world.pass(context, 60_000);
  expect(await world.state.outboxDepth()).toEqual({});
  world.down.clear();
  for (const condition of ['a', 'b']) {
    await world.commit(context, world.raise({ kind: 'audit-broken', condition }));
    await world.pass(context, 60_000);
  }
  expect(world.seen).toEqual([
    'team trigger audit-broken triggered',
    'team trigger clock-skew triggered',
    'team trigger audit-broken triggered',
  ]);
});

test('what is critical goes first, then what has ended, then the rest, however long that waits', async () => {
  const context = world.contextWith('team');
  await world.commit(context, world.raise({ kind: 'state-restored', severity: 'warning' }));
  await world.pass(context, MINUTE);
  const many = Array.from({ length: 300 }, (_, index) =>
    world.raise({ kind: 'store-drift', severity: 'warning', condition: `${index}` }),
  );
  await world.commit(context, ...many);
  await world.commit(context, { ...END, kind: 'state-restored', at: world.now });
  world.now += 1_000;
  await world.commit(context, world.raise());
  await world.pass(context, MINUTE);
  expect(world.seen.slice(1, 4)).toEqual([
    'team trigger clock-skew triggered',
    'team resolve state-restored resolved',
    'team trigger store-drift triggered',
  ]);
});
