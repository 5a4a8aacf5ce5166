import { describe, expect, test } from 'vitest';
import type { UnavailableError } from '../../src/engine/grants/contract.ts';
import { type Change, HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import type { TokenFault } from '../support/authorization-server.ts';
import { makeWorld, PATIENCE, type World } from './world.ts';

/** The faults of a request that the server may have processed. */
const AMBIGUOUS: ReadonlyArray<readonly [name: string, fault: TokenFault]> = [
  ['a connection that is cut after it was processed', 'drop'],
  ['a 500 after it was processed', { status: 500, processed: true }],
  ['a 502 after it was processed', { status: 502, processed: true }],
  ['a 504 after it was processed', { status: 504, processed: true }],
];

const has = (type: Change['type']) => (changes: readonly Change[]) =>
  changes.some((change) => change.type === type);
const attempts = (changes: readonly Change[]) =>
  changes.some((change) => change.type === 'grant.put' && change.grant.attempt !== null);

/** The token is near its end, and somebody asks for it. */
async function refreshOf(world: World, subject: string): Promise<unknown> {
  world.clock.leap(HOUR);
  return world.token(subject, { patienceMs: 1_000 }).catch((error: unknown) => error);
}

describe('an answer that is lost', () => {
  test.each(AMBIGUOUS)('%s: within the grace it is asked for again at once', async (_, fault) => {
    const world = await makeWorld({ refreshGrace: 30 * SECOND, server: { grace: 30 * SECOND } });
    await world.consent('user-1');
    world.server.token.inject(fault);
    const token = await refreshOf(world, 'user-1');
    expect(token).toMatchObject({ version: 2 });
    expect([world.refreshes, world.most]).toEqual([2, 2]);
    expect(await world.grant('user-1')).toMatchObject({ state: 'active', attempt: null });
    expect(world.server.store.revokedGrants).toBe(0);
  });

  test.each(AMBIGUOUS)(
    '%s: without a grace the live token is served, then one probe tells',
    async (_, fault) => {
      const world = await makeWorld();
      const before = await world.consent('user-1');
      world.server.token.inject(fault);
      // 95 % of its life are over: a grant in use is refreshed ahead, its token still lives.
      await world.use('user-1');
      await world.leap(55 * MINUTE);
      expect((await world.grant('user-1')).attempt).toMatchObject({ sent: 1 });
      expect(await world.token('user-1', { patienceMs: 0 })).toMatchObject({ version: before.generation });
      expect(world.refreshes).toBe(1);
      world.clock.leap(5 * MINUTE);
      const dead = await world.until('user-1', { state: 'consent-required' });
      expect(dead.reason).toContain('answer lost');
      expect([world.refreshes, world.most]).toEqual([2, 2]);
      expect((await world.alerts()).map(({ kind }) => kind)).toEqual(['consent-required']);
      await expect(world.token('user-1')).rejects.toMatchObject({ code: 'consent_required' });
    },
  );

  test('a 500 that did nothing: the probe brings the grant back', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    world.server.token.inject({ status: 500 });
    const refused = await refreshOf(world, 'user-1');
    expect(refused).toMatchObject({ code: 'unavailable' });
    world.clock.leap(MINUTE);
    const grant = await world.until('user-1', { generation: 2 });
    expect(grant).toMatchObject({ state: 'active', attempt: null });
    expect(await world.alerts()).toEqual([]);
  });
});

describe('a crash', () => {
  test('after the raw answer was committed: it is taken in without a request', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    const died = world.life.death.when({ at: 'after', commit: has('grant.answer') });
    world.clock.leap(HOUR);
    void world.token('user-1');
    await died;
    await world.reboot();
    await world.until('user-1', { generation: 2, attempt: null });
    expect([world.refreshes, world.most]).toEqual([1, 1]);
    expect(await world.token('user-1')).toMatchObject({ version: 2 });
    expect(world.refreshes).toBe(1);
  });

  test('after the send, with a grace: the answer is asked for again', async () => {
    const world = await makeWorld({ refreshGrace: 30 * SECOND, server: { grace: 30 * SECOND } });
    await world.consent('user-1');
    const died = world.life.death.when({ at: 'before', commit: has('grant.answer') });
    world.clock.leap(HOUR);
    void world.token('user-1');
    await died;
    await world.reboot();
    await world.until('user-1', { generation: 2, state: 'active' });
    expect([world.refreshes, world.most]).toEqual([2, 2]);
  });

  test('after the send, without a grace: ambiguous, never free; one probe, then the user is needed', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    const died = world.life.death.when({ at: 'before', commit: has('grant.answer') });
    world.clock.leap(HOUR);
    void world.token('user-1');
    await died;
    await world.reboot();
    world.clock.leap(HOUR);
    const dead = await world.until('user-1', { state: 'consent-required' });
    expect(dead.reason).toContain('answer lost');
    expect([world.refreshes, world.most]).toEqual([2, 2]);
    expect(await world.alerts()).toHaveLength(1);
  });

  test('before the attempt was committed: nothing was sent, and the grant is free', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    const died = world.life.death.when({ at: 'before', commit: attempts });
    world.clock.leap(HOUR);
    void world.token('user-1');
    await died;
    expect(world.refreshes).toBe(0);
    await world.reboot();
    expect(await world.token('user-1')).toMatchObject({ version: 2 });
    expect([world.refreshes, world.most]).toEqual([1, 1]);
  });
});

test('a connection that cannot be made: nothing was sent, and it is tried again with a backoff', async () => {
  const world = await makeWorld();
  await world.consent('user-1');
  world.reachable = false;
  expect(await refreshOf(world, 'user-1')).toMatchObject({ code: 'unavailable' });
  const failed = await world.grant('user-1');
  expect(failed).toMatchObject({ state: 'active', attempt: null });
  expect(failed.retryAt).not.toBeNull();
  world.reachable = true;
  world.clock.leap(MINUTE);
  await world.until('user-1', { generation: 2 });
  expect([world.refreshes, world.most]).toEqual([1, 1]);
});

describe('many callers', () => {
  test('of two engines on one state: one refresh, and all get the same token', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    const other = await world.another();
    world.clock.leap(HOUR);
    const engines = [world.engine, other.engine];
    const asked = Array.from({ length: 60 }, (_, at) => world.token('user-1', {}, engines[at % 2]));
    const tokens = await Promise.all(asked);
    expect(new Set(tokens.map(({ value }) => value.reveal())).size).toBe(1);
    expect([world.refreshes, world.most]).toEqual([1, 1]);
    await other.end();
  });

  test('whose own deadline is shorter get a time to come back, and never a second refresh', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    const release = Promise.withResolvers<void>();
    world.server.token.inject({ answerAfter: release.promise });
    world.clock.leap(HOUR);
    const asked = Array.from({ length: 20 }, () => world.token('user-1', { patienceMs: 50 }));
    const refused = await Promise.allSettled(asked);
    for (const each of refused) {
      const { code, retryAfterMs } = (each as PromiseRejectedResult).reason as UnavailableError;
      expect([code, retryAfterMs > 0]).toEqual(['unavailable', true]);
    }
    release.resolve();
    expect(await world.token('user-1')).toMatchObject({ version: 2 });
    expect([world.refreshes, world.most]).toEqual([1, 1]);
  });
});

describe('a clock', () => {
  test('that is stepped moves nothing: the expiry counts from the sending on a steady one', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    const { value } = await world.token('user-1');
    for (const skew of [-2 * HOUR, 2 * HOUR]) {
      world.clock.skew = skew;
      await world.engine.reconcile();
      const again = await world.token('user-1', { patienceMs: 0 });
      expect(again.value.equals(value)).toBe(true);
    }
    expect(world.refreshes).toBe(0);
  });

  test('that is off does not make a token live longer than the server says', async () => {
    const world = await makeWorld();
    world.clock.skew = -6 * HOUR;
    await world.consent('user-1');
    const { accessExpiresAt } = await world.grant('user-1');
    expect(Math.abs((accessExpiresAt ?? 0) - Date.now() - HOUR)).toBeLessThan(10 * SECOND);
  });

  test('cannot see everything: an application that reports a 401 forces one refresh for each version', async () => {
    const world = await makeWorld();
    await world.consent('user-1');
    const { version } = await world.token('user-1');
    const asked = Array.from({ length: 10 }, () => world.token('user-1', { rejected: version }));
    expect(new Set((await Promise.all(asked)).map((token) => token.version))).toEqual(new Set([version + 1]));
    expect(await world.token('user-1', { rejected: version })).toMatchObject({ version: version + 1 });
    expect([world.refreshes, world.most]).toEqual([1, 1]);
  });

  test('of the server shows the end of tokens that live for seconds', async () => {
    const world = await makeWorld({ server: { accessLife: 2 } });
    await world.consent('user-1');
    const first = await world.token('user-1');
    expect(first.expiresAt - Date.now()).toBeGreaterThan(0);
    await expect
      .poll(async () => (await world.token('user-1')).value.equals(first.value), PATIENCE)
      .toBe(false);
    const { accessExpiresAt } = await world.grant('user-1');
    expect((accessExpiresAt ?? 0) - Date.now()).toBeLessThanOrEqual(2 * SECOND);
  });
});
