import { beforeEach, describe, expect, test } from 'vitest';
import { identityOf } from '../alerting/identity.ts';
import { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { reconcileAlerts, reconcileConfiguration } from './start.ts';
import { BUSY, OutboxWorld } from './testing/outbox.ts';

let world: OutboxWorld;
beforeEach(async () => {
  world = await OutboxWorld.make();
});

describe('a start', () => {
  /** As the engine starts. */
  async function start(context: EngineContext): Promise<void> {
    await world.state.commit(await reconcileConfiguration(context));
    const { changes, signals } = await reconcileAlerts(context);
    await new Committer(context, () => {}).commit(changes, signals);
  }

  test('without a channel cancels what is owed to it, and tells another of what nobody was told', async () => {
    const before = world.contextWith('gone');
    world.down.set('gone', BUSY);
    await world.commit(before, world.raise(), world.raise({ kind: 'audit-broken', severity: 'info' }));
    await world.pass(before, 60_000);
    expect(await world.state.outboxDepth()).toEqual({ gone: 2 });
    const after = world.contextWith('team');
    await start(after);
    expect(await world.state.outboxDepth()).toEqual({ team: 1 });
    expect((await world.state.nextDue(['channel:gone'])).size).toBe(0);
    await start(after);
    await world.pass(after, 1_000);
    expect(world.seen).toEqual(['team trigger clock-skew triggered']);
  });

  test('ends the alerts about what is no longer configured, and tells so', async () => {
    const context = world.contextWith('team');
    const lost = world.raise({ kind: 'rotation-attention', credential: 'lost' });
    await world.commit(context, lost, world.raise());
    await world.pass(context, 1_000);
    await start(context);
    await world.pass(context, 1_000);
    expect(world.seen.slice(2)).toEqual(['team resolve rotation-attention resolved']);
    const [ended] = await world.state.alertsByIdentity([identityOf(lost)]);
    expect(ended?.state).toBe('resolved');
    expect((await world.state.alerts({ state: 'open' })).items.map(({ kind }) => kind)).toEqual([
      'clock-skew',
    ]);
  });
});
