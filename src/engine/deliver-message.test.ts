import { beforeEach, describe, expect, test } from 'vitest';
import { textOf } from '../../test/tidy/repository.ts';
import type { Config } from '../config/types.ts';
import { SECOND } from '../model/index.ts';
import type { EngineContext } from './context.ts';
import { BUSY, OutboxWorld } from './testing/outbox.ts';

let world: OutboxWorld;
beforeEach(async () => {
  world = await OutboxWorld.make();
});

describe('a message', () => {
  const addressed = (context: EngineContext): EngineContext => ({
    ...context,
    config: {
      ...context.config,
      runbookUrl: 'https://runbooks.internal/{kind}?of={kind}',
      api: { ...context.config.api, publicUrl: 'https://keywarden.example.com' },
    },
  });

  test('bears the id of its delivery, the same when it is sent again', async () => {
    const context = world.contextWith('team');
    world.down.set('team', BUSY);
    await world.commit(context, world.raise());
    await world.pass(context, 0);
    const [delivery] = await world.state.deliveries((await world.state.alerts({})).items[0]?.id ?? '');
    const first = world.last?.id;
    await world.pass(context, 10_000);
    expect([first, world.last?.id]).toEqual([delivery?.id, delivery?.id]);
  });

  test('names the provider of what it is about', async () => {
    const context = world.contextWith('team');
    const entry = { provider: 'frameflow' };
    const config = { ...context.config, credentials: { prod: entry }, monitors: { log: entry } };
    const about = { ...context, config: config as unknown as Config };
    const providers: Array<string | null | undefined> = [];
    for (const subject of [{ credential: 'prod' }, { monitor: 'log' }, { credential: 'gone' }, {}]) {
      await world.commit(about, world.raise(subject));
      await world.pass(about, SECOND);
      providers.push(world.last?.provider);
    }
    expect(providers).toEqual(['frameflow', 'frameflow', null, null]);
  });

  test('leads to the runbook of its kind first, then to the page', async () => {
    const context = addressed(world.contextWith('team'));
    await world.commit(context, world.raise());
    await world.pass(context, 0);
    expect(world.last?.links).toEqual([
      { text: 'Runbook', href: 'https://runbooks.internal/clock-skew?of=clock-skew' },
      { text: 'Keywarden', href: 'https://keywarden.example.com' },
    ]);
    expect(world.last?.runbook).toBe('https://runbooks.internal/clock-skew?of=clock-skew');
  });

  test.each([
    ['clock-skew', 'docs/runbooks/clock-skew.md'],
    ['test', 'docs/runbooks/README.md'],
  ] as const)('of kind %s names the runbook in the package where it has no address', async (kind, path) => {
    const context = world.contextWith('team');
    await world.commit(context, world.raise({ kind, channel: 'team' }));
    await world.pass(context, 0);
    expect([world.last?.links, world.last?.runbook]).toEqual([[], path]);
    expect(textOf(path)).toContain('# ');
  });
});
