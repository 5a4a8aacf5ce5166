import { expect, onTestFinished, test, vi } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { Engine } from '../engine.ts';
import { UnavailableError } from './contract.ts';
import { CLIENT, makeWorld } from './testing/world.ts';

const UNAVAILABLE = { code: 'unavailable', verdict: 'retryable', message: '503' } as const;

test('a token with life enough is handed out without a request', async () => {
  const world = await makeWorld();
  await world.settle('user-1');
  const [first, second] = [await world.token('user-1'), await world.token('user-1')];
  expect(first.value.equals(second.value)).toBe(true);
  expect(first).toMatchObject({ version: 1, scopes: ['asset:read', 'license:buy'] });
  expect(world.server.presented).toEqual(['refresh-1']);
});

test('many callers cause one refresh and get the same token', async () => {
  const world = await makeWorld();
  await world.settle('user-1');
  await world.advance(2 * HOUR);
  const before = world.server.presented.length;
  const release = Promise.withResolvers<void>();
  world.server.inject({ answerAfter: release.promise });
  const asked = Array.from({ length: 200 }, () => world.token('user-1'));
  await world.arrived(before + 1);
  release.resolve();
  const tokens = await Promise.all(asked);
  expect(new Set(tokens.map(({ value }) => value.reveal())).size).toBe(1);
  expect(world.server.presented).toHaveLength(before + 1);
});

test('no token is handed out with less left than a quarter of its life', async () => {
  const world = await makeWorld();
  world.server.accessLife = 4 * SECOND;
  await world.settle('user-1');
  const first = await world.token('user-1');
  await world.rest();
  await world.advance(3_200);
  const second = await world.token('user-1');
  expect(second.value.equals(first.value)).toBe(false);
  expect(second.expiresAt - world.clock.time).toBeGreaterThanOrEqual(SECOND);
});

test('a caller’s patience ends in a refusal that says when to ask again; the refresh goes on', async () => {
  const world = await makeWorld();
  await world.moveIn('user-1');
  const release = Promise.withResolvers<void>();
  world.server.inject({ answerAfter: release.promise });
  const refused = await world.token('user-1', { patienceMs: 20 }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UnavailableError);
  expect((refused as UnavailableError).retryAfterMs).toBeGreaterThan(0);
  release.resolve();
  const { value } = await world.token('user-1');
  expect(value.reveal()).toBe('access-2');
  expect(world.server.presented).toEqual(['refresh-1']);
});

test('where the next try comes too late for the caller it is told at once', async () => {
  const world = await makeWorld();
  world.server.inject({ ...UNAVAILABLE, retryAfterMs: 90 * SECOND });
  await world.moveIn('user-1');
  await world.rest();
  const asked = world.token('user-1', { patienceMs: 60_000 });
  await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
  const { retryAfterMs } = (await asked.catch((error: unknown) => error)) as UnavailableError;
  expect(retryAfterMs).toBeGreaterThanOrEqual(90 * SECOND);
});

test('an application whose token is refused forces one refresh for each version', async () => {
  const world = await makeWorld();
  await world.settle('user-1');
  const { version } = await world.token('user-1');
  const again = await Promise.all(
    Array.from({ length: 20 }, () => world.token('user-1', { rejected: version })),
  );
  expect(new Set(again.map((token) => token.version))).toEqual(new Set([version + 1]));
  await world.token('user-1', { rejected: version });
  expect(world.server.presented).toEqual(['refresh-1', 'refresh-2']);
});

test('fewer scopes are a token of their own, and more than were granted are refused', async () => {
  const world = await makeWorld();
  await world.settle('user-1');
  const narrow = await world.token('user-1', { scopes: ['asset:read'] });
  expect(narrow.scopes).toEqual(['asset:read']);
  expect(world.server.asked.at(-1)).toEqual(['asset:read']);
  const again = await world.token('user-1', { scopes: ['asset:read'] });
  expect(again.value.equals(narrow.value)).toBe(true);
  expect((await world.token('user-1')).value.equals(narrow.value)).toBe(false);
  expect(world.server.presented).toHaveLength(2);
  await expect(world.token('user-1', { scopes: ['asset:read', 'admin'] })).rejects.toMatchObject({
    code: 'scope_not_granted',
  });
  const all = await world.token('user-1', { scopes: ['license:buy', 'asset:read'] });
  expect(all.value.equals((await world.token('user-1')).value)).toBe(true);
});

test('a dead grant says why, and one that is not there is unknown', async () => {
  const world = await makeWorld();
  await world.moveIn('user-1', 'never-issued');
  await world.rest();
  await expect(world.token('user-1')).rejects.toMatchObject({ code: 'consent_required' });
  await expect(world.token('user-2')).rejects.toMatchObject({ code: 'unknown_grant' });
  await expect(
    world.engine.grants.accessToken('other', 'user-1', {
      scopes: null,
      rejected: null,
      patienceMs: 1,
      signal: new AbortController().signal,
    }),
  ).rejects.toMatchObject({ code: 'unknown_client' });
});

test('that a grant is in use is written once in ten minutes, and has it refreshed ahead', async () => {
  const world = await makeWorld();
  await world.settle('user-1');
  expect((await world.grant('user-1')).usedAt).toBeNull();
  const usedAt = world.clock.time;
  await world.use('user-1');
  expect((await world.grant('user-1')).usedAt).toBe(usedAt);
  await world.advance(MINUTE);
  await world.token('user-1');
  await world.rest();
  expect((await world.grant('user-1')).usedAt).toBe(usedAt);
  expect(await world.dueAt()).toBeLessThan(usedAt + HOUR);
  await world.advance(54 * MINUTE);
  expect(world.server.presented).toEqual(['refresh-1', 'refresh-2']);
});

test('uses are written together, some each second, and cause no turn of their grants before these are due', async () => {
  const world = await makeWorld();
  const users = Array.from({ length: 150 }, (_, index) => `user-${index}`);
  for (const user of users) await world.settle(user);
  const commits = vi.spyOn(world.state, 'commit');
  const claims = vi.spyOn(world.state, 'claim');
  const usedAt = world.clock.time;
  await Promise.all(users.map((user) => world.token(user)));
  for (const last of [49, 99, 149]) {
    await world.advance(SECOND);
    await expect.poll(async () => (await world.grant(`user-${last}`)).usedAt).not.toBeNull();
  }
  expect((await world.grant('user-149')).usedAt).toBe(usedAt);
  expect(commits).toHaveBeenCalledTimes(3);
  expect(claims).not.toHaveBeenCalled();
});

test('a caller whose token another process brings hears of it without a commit here', async () => {
  const world = await makeWorld();
  await world.moveIn('user-1');
  const release = Promise.withResolvers<void>();
  world.server.inject({ answerAfter: release.promise });
  const asked = world.token('user-1', { patienceMs: 60_000 });
  await world.arrived(1);
  const held = await world.state.grant(CLIENT, 'user-1');
  if (held === null) throw new Error('no grant');
  const now = world.clock.time;
  const grant = {
    ...held.grant,
    generation: 7,
    accessGeneration: 7,
    accessSentAt: now,
    accessExpiresAt: now + HOUR,
  };
  await world.state.commit([
    { type: 'grant.put', grant, tokens: { refresh: held.refresh, access: held.refresh } },
  ]);
  expect((await asked).version).toBe(7);
  release.resolve();
}, 10_000);

test('callers who wait while another configuration takes over get their token from the successor', async () => {
  const world = await makeWorld();
  await world.settle('user-1');
  await world.advance(2 * HOUR);
  const release = Promise.withResolvers<void>();
  world.server.inject({ answerAfter: release.promise });
  const asked = [world.token('user-1')];
  await world.arrived(2);
  // The one refresh that is under way brings them nothing.
  asked.push(world.token('user-1', { scopes: ['asset:read'] }));
  const next = new Engine(world.context, world.engine);
  onTestFinished(() => next.stop());
  await world.engine.handOver(AbortSignal.abort());
  await next.start(() => ({ stop() {} }));
  release.resolve();
  const [whole, narrow] = await Promise.all(asked);
  expect(whole?.scopes).toEqual(['asset:read', 'license:buy']);
  expect(narrow?.scopes).toEqual(['asset:read']);
});
