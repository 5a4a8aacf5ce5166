import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import { MALFORMED, type TokenFault } from '../support/authorization-server.ts';
import { CLIENT, makeWorld, PATIENCE, type World } from './world.ts';

const json = (status: number, error: string, headers: Record<string, string> = {}): TokenFault => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ error }),
});
const INVALID_CLIENT = json(401, 'invalid_client');

describe('a server that is not to be had', () => {
  test('429: the whole client pauses until Retry-After', async () => {
    const world = await makeWorld();
    await world.moveIn('user-0');
    await world.rest();
    const before = world.refreshes;
    world.server.token.inject({ status: 429, headers: { 'retry-after': '40' } });
    await world.moveIn('user-1');
    await world.rest();
    for (const user of ['user-2', 'user-3', 'user-4']) await world.moveIn(user);
    await world.leap(30 * SECOND);
    expect(world.refreshes).toBe(before + 1);
    world.clock.leap(11 * SECOND);
    for (const user of ['user-1', 'user-2', 'user-3', 'user-4']) await world.until(user, { generation: 1 });
  });

  test('503: tried again after Retry-After', async () => {
    const world = await makeWorld();
    world.server.token.inject({ status: 503, headers: { 'retry-after': '20' } });
    await world.moveIn('user-1');
    await world.rest();
    await world.leap(15 * SECOND);
    expect(world.refreshes).toBe(1);
    world.clock.leap(20 * SECOND);
    await world.until('user-1', { generation: 1, state: 'active' });
    expect(world.refreshes).toBe(2);
  });

  test('503 again and again: a breaker holds back all but one', async () => {
    const world = await makeWorld();
    world.server.token.inject(...Array.from({ length: 4 }, (): TokenFault => ({ status: 503 })));
    for (const user of ['a', 'b', 'c']) {
      await world.moveIn(user);
      await world.rest();
    }
    const { record } = await world.state.client(CLIENT);
    expect(record?.pause?.why).toBe('unavailable');
    for (let user = 0; user < 20; user += 1) await world.moveIn(`user-${user}`);
    await world.rest();
    expect(world.refreshes).toBe(3);
    for (let tries = 0; tries < 20 && (await left(world)) > 0; tries += 1) await world.leap(10 * MINUTE);
    expect(await left(world)).toBe(0);
    expect((await world.state.client(CLIENT)).record?.pause).toBeNull();
  });

  test('invalid_client: all pause, one alert, no grant is declared dead', async () => {
    const world = await makeWorld();
    world.server.token.inject(INVALID_CLIENT, INVALID_CLIENT);
    for (let user = 0; user < 5; user += 1) {
      await world.moveIn(`user-${user}`);
      await world.rest();
    }
    expect(world.refreshes).toBe(1);
    await world.leap(61 * SECOND);
    expect(world.refreshes).toBe(2);
    const alerts = await world.alerts();
    expect(alerts.map(({ kind, count }) => [kind, count > 0])).toEqual([['refresh-failed', true]]);
    for (let tries = 0; tries < 10 && (await left(world)) > 0; tries += 1) await world.leap(10 * MINUTE);
    expect(await left(world)).toBe(0);
    expect(await world.alerts()).toEqual([]);
  });
});

/** How many grants were not refreshed yet. */
async function left(world: World): Promise<number> {
  const { items } = await world.state.grants({ client: CLIENT, limit: 1_000 });
  return items.filter(({ generation }) => generation === 0).length;
}

describe('invalid_grant', () => {
  test('the grant is dead: one alert, no further request', async () => {
    const world = await makeWorld();
    await world.moveIn('user-1', 'revoked-long-ago');
    await world.until('user-1', { state: 'consent-required' });
    expect((await world.alerts()).map(({ kind }) => kind)).toEqual(['consent-required']);
    for (const _ of [1, 2])
      await expect(world.token('user-1')).rejects.toMatchObject({ code: 'consent_required' });
    await world.leap(6 * DAY);
    expect(world.refreshes).toBe(1);
    await world.consent('user-1');
    expect(await world.alerts()).toEqual([]);
  });

  test('where the generation moved on it is adopted: an answer to an older token kills nothing', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    const release = Promise.withResolvers<void>();
    world.server.token.inject({ after: release.promise, fare: json(400, 'invalid_grant') });
    world.clock.leap(HOUR);
    const asked = world.token('user-1');
    await expect.poll(() => world.refreshes, PATIENCE).toBe(1);
    const { authorizeUrl } = await world.engine.grants.begin(CLIENT, {
      subject: 'user-1',
      returnUrl: null,
      actor: 'test',
    });
    await world.engine.grants.callback(await world.server.consent(authorizeUrl));
    release.resolve();
    expect(await asked).toMatchObject({ version: 2 });
    await world.rest();
    expect(await world.grant('user-1')).toMatchObject({ state: 'active', attempt: null });
    expect(await world.alerts()).toEqual([]);
  });

  test('of more than 1 % within five minutes: a breaker and one alert; those found dead stay dead', async () => {
    const world = await makeWorld();
    for (let user = 0; user < 40; user += 1) await world.moveIn(`user-${user}`, `revoked-${user}`);
    await world.rest();
    const dead = (await world.state.grantCounts(CLIENT))['consent-required'];
    expect(dead).toBe(19);
    const kinds = (await world.alerts()).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'refresh-failed')).toHaveLength(1);
    expect(world.most).toBe(1);
    await world.leap(30 * MINUTE);
    expect((await world.state.grantCounts(CLIENT))['consent-required']).toBe(19);
  });
});

describe('a 200', () => {
  test('without a refresh token keeps the old one', async () => {
    const world = await makeWorld();
    await world.moveIn('user-1');
    world.server.token.inject({ rewrite: (body) => JSON.stringify({ ...body, refresh_token: undefined }) });
    const first = await world.state.grant(CLIENT, 'user-1');
    await world.until('user-1', { generation: 1 });
    const second = await world.state.grant(CLIENT, 'user-1');
    expect(first && second?.refresh.equals(first.refresh)).toBe(true);
    expect(second?.access).not.toBeNull();
  });

  test.each(Object.keys(MALFORMED))(
    'that is malformed (%s) loses nothing, and the fault is told',
    async (name) => {
      const world = await makeWorld({ refreshGrace: 30 * SECOND, server: { grace: 30 * SECOND } });
      const rewrite = MALFORMED[name];
      if (rewrite === undefined) throw new Error(name);
      world.server.token.inject({ rewrite });
      await world.moveIn('user-1');
      await world.rest();
      const alerts = (await world.alerts()).map(({ kind }) => kind);
      expect(alerts).toEqual(['refresh-failed']);
      world.clock.leap(HOUR);
      expect((await world.token('user-1')).version).toBeGreaterThanOrEqual(1);
      expect(await world.grant('user-1')).toMatchObject({ state: 'active', attempt: null });
      expect(world.server.store.revokedGrants).toBe(0);
    },
  );
});

describe('a refresh token near its end', () => {
  test('is kept alive between day 50 and day 65, spread evenly', async () => {
    const world = await makeWorld();
    for (let user = 0; user < 30; user += 1) await world.moveIn(`user-${user}`);
    await world.rest();
    const before = world.refreshes;
    await world.leap(49 * DAY);
    expect(world.refreshes).toBe(before);
    const days: number[] = [];
    for (let day = 50; day <= 65; day += 1) {
      await world.leap(DAY);
      days.push(world.refreshes - before);
    }
    expect(days.at(-1)).toBe(30);
    expect(days[7]).toBeGreaterThan(5);
    expect(days[7]).toBeLessThan(25);
  });

  test('goes first, and is told 14, 7 and 1 days before', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    world.reachable = false;
    const told: string[] = [];
    for (let day = 0; day < 89; day += 1) await tell(world, told);
    expect(told).toEqual(['lapse:14d', 'lapse:7d', 'lapse:1d']);
    expect((await world.state.grantsIn(CLIENT, 'lapsing', 10)).count).toBe(1);
  });
});

/** A day passes; what is told of ends is noted in its order. */
async function tell(world: World, told: string[]): Promise<void> {
  await world.leap(DAY);
  for (const { kind, identity } of await world.alerts()) {
    const [stage] = /lapse:\d+d/.exec(identity) ?? [];
    if (kind === 'consent-required' && stage !== undefined && !told.includes(stage)) told.push(stage);
  }
}

test('a user who disconnects is forgotten at once, and the revocation is tried until it is done', async () => {
  const world = await makeWorld();
  await world.consent('user-1');
  world.reachable = false;
  await world.engine.grants.forget(CLIENT, 'user-1', 'test');
  await expect(world.token('user-1')).rejects.toMatchObject({ code: 'unknown_grant' });
  await world.leap(MINUTE);
  expect((await world.state.grant(CLIENT, 'user-1'))?.grant.state).toBe('forgotten');
  expect(world.server.store.revokedGrants).toBe(0);
  world.reachable = true;
  world.clock.leap(HOUR);
  await expect.poll(() => world.state.grant(CLIENT, 'user-1'), PATIENCE).toBeNull();
  expect(world.server.store.revokedGrants).toBe(1);
});
