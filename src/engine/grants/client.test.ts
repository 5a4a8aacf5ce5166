import { describe, expect, test } from 'vitest';
import { DAY, EdgeError, type Grant, HOUR, MINUTE, SECOND, Secret } from '../../model/index.ts';
import { Round } from './round.ts';
import { CLIENT, makeWorld, type World } from './testing/world.ts';

const REFUSED = { code: 'invalid_client', verdict: 'permanent', message: 'the secret is wrong' } as const;

/** Grants that move in, with scopes of their own where these are given. */
async function moveIn(world: World, subjects: readonly string[], scopes: readonly string[] | null = null) {
  const grants = subjects.map((subject) => {
    return { subject, refreshToken: Secret.from(world.server.issue()), scopes };
  });
  for (let done = 0; done < grants.length; done += 1_000)
    await world.engine.grants.takeOver(CLIENT, grants.slice(done, done + 1_000), 'test');
}

const many = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);
const titles = async (world: World) => (await world.alerts()).map(({ title }) => title);

describe('a client', () => {
  test('tells whose end is near also while nothing can be sent for it', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    world.server.refresh = async () => {
      throw new EdgeError(REFUSED);
    };
    for (let day = 0; day < 79; day += 1) await world.advance(DAY);
    expect((await titles(world)).some((title) => title.includes('end within'))).toBe(true);
  });

  test('tells whose end is near whatever they are due for', async () => {
    const world = await makeWorld();
    const grant = await world.settle('user-1');
    await world.state.commit([
      { type: 'grant.put', grant: { ...grant, refreshExpiresAt: world.clock.time + 10 * DAY } },
    ]);
    await world.advance(HOUR);
    expect((await titles(world)).some((title) => title.includes('end within'))).toBe(true);
    expect((await world.state.grantsIn(CLIENT, 'lapsing', 1)).count).toBe(0);
  });

  test('of more grants than a page has the alert on scopes end once none shows it any more', async () => {
    const world = await makeWorld();
    await moveIn(world, many(1_001));
    await moveIn(world, ['wide'], ['asset:read', 'license:buy', 'extra']);
    await world.rest();
    await world.advance(2 * HOUR);
    expect((await titles(world)).filter((title) => title.includes('extra'))).toHaveLength(1);
    await world.engine.grants.forget(CLIENT, 'wide', 'test');
    await world.rest();
    await world.advance(2 * HOUR);
    expect(await titles(world)).toEqual([]);
  });
});

describe('a round through a client’s grants', () => {
  const grant = (subject: string, consentedAt: number, scopes: readonly string[]) =>
    ({ subject, consentedAt, scopes, refreshExpiresAt: null, state: 'active' }) as unknown as Grant;

  /** A state with so many pages of one grant each; the last one is near its end and was granted too much. */
  function pages(count: number, policy: World['context']['config']['oauthClients'][string]['policy']) {
    const asked: (string | null)[] = [];
    const grants = async ({ cursor = null }: { readonly cursor?: string | null }) => {
      asked.push(cursor);
      const page = Number(cursor ?? 0) + 1;
      const last = page === count;
      const one = last ? grant('last', 0, [...policy.scopes, 'extra']) : grant('x', 89 * DAY, policy.scopes);
      return { items: [one], nextCursor: last ? null : String(page) };
    };
    return { state: { grants }, asked };
  }

  test('goes on from step to step, tells at its end what it saw, and begins anew', async () => {
    const { context } = await makeWorld({ started: false });
    const policy = context.config.oauthClients[CLIENT]?.policy;
    if (policy === undefined) throw new Error('no client');
    const { state, asked } = pages(25, policy);
    const record = {
      client: CLIENT,
      pause: null,
      refusedAt: [],
      failures: 0,
      faults: {},
      slides: null,
      lookedAt: null,
    };
    const round = new Round();
    const step = () => round.step(state, { policy, record, now: 89 * DAY });
    expect(await step()).toMatchObject({ all: false, lapsing: { count: 0 } });
    expect(await step()).toMatchObject({ all: false });
    expect(asked).toHaveLength(20);
    const { all, lapsing, telling } = await step();
    expect([all, lapsing.count, telling.map(({ subject }) => subject)]).toEqual([true, 1, ['last']]);
    expect(asked).toHaveLength(25);
    expect(await step()).toMatchObject({ all: false, lapsing: { count: 0 }, telling: [] });
    expect(asked[25]).toBeNull();
  });
});

describe('fewer scopes that the server does not give', () => {
  const NOT_GIVEN = { code: 'invalid_scope', verdict: 'permanent', message: 'not these' } as const;
  const narrow = { scopes: ['asset:read'] };

  test('are not asked for with every call, and again after some minutes', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    world.server.inject(NOT_GIVEN);
    for (let call = 0; call < 5; call += 1)
      await expect(world.token('user-1', narrow)).rejects.toMatchObject({ code: 'scope_not_granted' });
    await world.rest();
    expect(world.server.presented).toHaveLength(2);
    await world.advance(5 * MINUTE);
    expect((await world.token('user-1', narrow)).scopes).toEqual(['asset:read']);
  });

  test('may be given after a new consent', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    world.server.inject(NOT_GIVEN);
    await expect(world.token('user-1', narrow)).rejects.toMatchObject({ code: 'scope_not_granted' });
    await world.advance(SECOND);
    const begun = { subject: 'user-1', returnUrl: null, actor: 'test' };
    const { authorizeUrl } = await world.engine.grants.begin(CLIENT, begun);
    const state = new URL(authorizeUrl).searchParams.get('state') ?? '';
    await world.engine.grants.callback(new URLSearchParams({ state, code: 'code' }));
    expect((await world.token('user-1', narrow)).scopes).toEqual(['asset:read']);
  });
});
