import { beforeEach, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { Engine } from './engine.ts';
import { beginSilence, endSilence } from './silence-commands.ts';
import { OutboxWorld } from './testing/outbox.ts';

let world: OutboxWorld;
beforeEach(async () => {
  world = await OutboxWorld.make();
});

const ABOUT = { kind: ['unknown-key'], credential: [], severity: [], reason: 'known' } as const;

test('what is raised while a silence is ended is told then, and once', async () => {
  const context = world.contextWith('team');
  const writes = Promise.withResolvers<void>();
  const read = Promise.withResolvers<void>();
  // The alert was found to be silenced, and is written only once the silence was ended and others are waited for, or not.
  const slow = {
    ...world.state,
    commit: async (...args: Parameters<typeof world.state.commit>) => {
      if (args[0].some(({ type }) => type === 'alert.put')) {
        read.resolve();
        await writes.promise;
      }
      await world.state.commit(...args);
    },
    alerts: async (query: Parameters<typeof world.state.alerts>[0]) => {
      const page = await world.state.alerts(query);
      writes.resolve();
      return page;
    },
  };
  class Watched extends Engine {
    override settled(): Promise<void> {
      writes.resolve();
      return super.settled();
    }
  }
  const engine = new Watched({ ...context, state: slow });
  const { id } = await beginSilence(engine, { ...ABOUT, endsAt: world.now + 2 * HOUR }, 'ops');
  const raised = engine.submit([], [world.raise({ kind: 'unknown-key' })]);
  await read.promise;
  await endSilence(engine, id, 'ops');
  await raised;
  await world.pass(context, MINUTE);
  expect(world.seen).toEqual(['team trigger unknown-key triggered']);
  await world.pass(context, 3 * HOUR);
  expect(world.seen).toHaveLength(1);
  await engine.stop();
});

test('a silence that would last for longer than 30 days is refused, and says until when it may', async () => {
  const engine = new Engine(world.contextWith('team'));
  await beginSilence(engine, { ...ABOUT, endsAt: world.now + 30 * DAY }, 'ops');
  const longer = beginSilence(engine, { ...ABOUT, endsAt: world.now + 30 * DAY + 1 }, 'ops');
  await expect(longer).rejects.toMatchObject({
    code: 'silence_too_long',
    message: expect.stringContaining('30d at most, now until 2026-10-31T09:00:00Z'),
  });
  expect(await world.state.silences(world.now)).toHaveLength(1);
});
