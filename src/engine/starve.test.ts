import { beforeEach, describe, expect, test } from 'vitest';
import type { BundleMessage, Message } from '../channels/contract.ts';
import { EdgeError, HOUR, MINUTE, type Severity } from '../model/index.ts';
import { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { Deliveries } from './deliver.ts';
import { BUSY, OutboxWorld } from './testing/outbox.ts';

let world: OutboxWorld;
beforeEach(async () => {
  world = await OutboxWorld.make();
});

/** A channel that answers 503 to whatever bears a title with `bad` in it, and when it took each other title. */
function picky(name: 'team' | 'oncall') {
  const took = new Map<string, number>();
  const take = (titles: readonly string[]) => {
    if (titles.some((title) => title.includes('bad'))) throw new EdgeError(BUSY);
    for (const title of titles) took.set(title, world.now);
  };
  const channel = {
    deliver: async ({ alert }: Message) => take([alert.title]),
    deliverBundle: async ({ bundle }: BundleMessage) => take(bundle.items.map(({ alert }) => alert.title)),
    async close() {},
  };
  const context = world.contextWith(name);
  return {
    took,
    context: { ...context, plugins: { ...context.plugins, channels: new Map([[name, channel]]) } },
  };
}

/** Lets all happen that is due within `ms`, so many messages at once. */
async function pass(context: EngineContext, own: Deliveries, ms: number, limit: number): Promise<void> {
  const lanes = Object.keys(context.config.channels).map((name) => `channel:${name}`);
  const end = world.now + ms;
  const nextDue = async () => Math.min(...(await world.state.nextDue(lanes)).values());
  for (let due = await nextDue(); due <= end; due = await nextDue()) {
    world.now = Math.max(world.now, due);
    for (const lane of lanes) {
      const claims = await world.state.claim(lane, { now: world.now, until: world.now + MINUTE, limit });
      await Promise.all(claims.map((claim) => own.turn(claim)));
    }
  }
  world.now = end;
}

const KINDS = ['audit-broken', 'log-silence', 'store-drift', 'unknown-key', 'hook-failed'] as const;

describe('messages that a channel does not take for now', () => {
  test.each<readonly ['team' | 'oncall', number, number, Severity]>([
    ['team', 1, 3, 'critical'],
    ['team', 1, 10, 'warning'],
    ['oncall', 4, 4, 'critical'],
    ['oncall', 4, 6, 'warning'],
  ])(
    'keep no other from %s, which is sent %i at once, where %i are %s',
    async (name, atOnce, bad, severity) => {
      const { context, took } = picky(name);
      const own = new Deliveries(context, new Committer(context, () => {}));
      await world.commit(
        context,
        ...Array.from({ length: bad }, (_, index) =>
          world.raise({ condition: `b${index}`, title: `bad ${index}`, severity }),
        ),
        ...Array.from({ length: 30 }, (_, index) =>
          world.raise({
            kind: KINDS[index % KINDS.length] ?? 'test',
            condition: `g${index}`,
            title: `good ${index}`,
            severity: 'warning',
          }),
        ),
      );
      await pass(context, own, HOUR, atOnce);
      expect(took.size).toBe(30);
      const late: number[] = [];
      for (let round = 0; round < 10; round += 1) {
        const title = `new ${round}`;
        const raisedAt = world.now;
        await world.commit(context, world.raise({ kind: 'foreign-mint', condition: title, title }));
        await pass(context, own, 17 * MINUTE, atOnce);
        late.push((took.get(title) ?? Number.POSITIVE_INFINITY) - raisedAt);
      }
      // The longest time for which a channel is left alone.
      expect(Math.max(...late)).toBeLessThanOrEqual(5 * MINUTE);
    },
  );
});
