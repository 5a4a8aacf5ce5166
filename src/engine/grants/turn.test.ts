import { describe, expect, onTestFinished, test } from 'vitest';
import { DAY, type Failure, HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { Engine } from '../engine.ts';
import { CLIENT, makeWorld, type World } from './testing/world.ts';

const LOST: Failure = { code: 'timeout', verdict: 'unknown', message: 'no answer came' };
const BUSY: Failure = { code: 'unavailable', verdict: 'retryable', message: '503' };
const LIMITED: Failure = { code: 'rate_limited', verdict: 'retryable', message: '429', retryAfterMs: MINUTE };
const CLIENT_REFUSED: Failure = {
  code: 'invalid_client',
  verdict: 'permanent',
  message: 'the secret is wrong',
};

/** How often each refresh token was presented. */
const most = (world: World) => {
  const { presented } = world.server;
  return Math.max(...presented.map((token) => presented.filter((each) => each === token).length));
};

describe('a grant', () => {
  test('that moves in is refreshed once and then rests until it is kept alive', async () => {
    const world = await makeWorld();
    const grant = await world.settle('user-1');
    expect(grant).toMatchObject({ state: 'active', generation: 1, attempt: null, lastError: null });
    expect(grant.accessExpiresAt).toBe(world.clock.time + HOUR);
    const due = await world.dueAt();
    expect(due).toBeGreaterThanOrEqual(world.clock.time + 50 * DAY);
    expect(due).toBeLessThanOrEqual(world.clock.time + 65 * DAY);
  });

  test('has its attempt in the state before its token is sent', async () => {
    const world = await makeWorld();
    const release = Promise.withResolvers<void>();
    world.server.inject({ answerAfter: release.promise });
    await world.moveIn('user-1');
    await world.arrived(1);
    const { attempt } = await world.grant('user-1');
    expect(attempt).toMatchObject({ sent: 1, generation: 0, scope: null });
    expect(attempt?.fingerprint).toMatch(/^[0-9a-f]{12}$/);
    release.resolve();
    await world.rest();
    expect((await world.grant('user-1')).attempt).toBeNull();
  });

  test('whose answer was committed is taken in after a restart without a request', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    await world.engine.stop();
    const held = await world.state.grant(CLIENT, 'user-1');
    if (held === null) throw new Error('no grant');
    const answer = await world.server.refresh(held.refresh, { scopes: null });
    const sentAt = world.clock.time - SECOND;
    const attempt = { generation: 1, fingerprint: 'a', sentAt, sent: 1, scope: null };
    await world.state.commit([
      { type: 'grant.put', grant: { ...held.grant, attempt } },
      { type: 'grant.answer', client: CLIENT, subject: 'user-1', answer },
      { type: 'grant.wake', client: CLIENT, subject: 'user-1', due: { at: 0, lane: 'idle' } },
    ]);
    const next = new Engine(world.context);
    await next.start(() => ({ stop() {} }));
    await expect.poll(async () => (await world.grant('user-1')).generation).toBe(2);
    await next.stop();
    expect((await world.grant('user-1')).accessExpiresAt).toBe(sentAt + HOUR);
    expect(world.server.presented).toHaveLength(2);
  });

  test('is ended by a daemon that stops where it is on its way', async () => {
    const world = await makeWorld();
    const release = Promise.withResolvers<void>();
    world.server.inject({ answerAfter: release.promise });
    await world.moveIn('user-1');
    await world.arrived(1);
    const stopped = world.engine.stop();
    release.resolve();
    await stopped;
    expect((await world.grant('user-1')).generation).toBe(1);
  });

  test('is sent nothing more by a daemon that stops; the next one goes on', async () => {
    const world = await makeWorld({ refreshGrace: 30 * SECOND });
    const release = Promise.withResolvers<void>();
    world.server.inject({ answerAfter: release.promise, failure: LOST });
    await world.moveIn('user-1');
    await world.arrived(1);
    const stopped = world.engine.stop();
    release.resolve();
    await stopped;
    expect(world.server.presented).toHaveLength(1);
    expect((await world.grant('user-1')).attempt).toMatchObject({ sent: 1 });
    expect(await world.dueAt()).toBe(world.clock.time);
  });

  test('that is forgotten while its refresh is on its way has the new refresh token revoked', async () => {
    const world = await makeWorld();
    const release = Promise.withResolvers<void>();
    await world.settle('user-1');
    await world.advance(2 * HOUR);
    world.server.inject({ answerAfter: release.promise });
    const asked = world.token('user-1').catch((error: unknown) => error);
    await world.arrived(2);
    await world.engine.grants.forget(CLIENT, 'user-1', 'test');
    release.resolve();
    await world.rest();
    expect(await asked).toMatchObject({ code: 'unknown_grant' });
    expect(world.server.revoked).toEqual(['refresh-3']);
    expect(await world.state.grant(CLIENT, 'user-1')).toBeNull();
  });

  test('that is forgotten is gone at once, and revoked until that is done', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    world.server.inject(BUSY, LOST);
    await world.engine.grants.forget(CLIENT, 'user-1', 'test');
    await expect(world.token('user-1')).rejects.toMatchObject({ code: 'unknown_grant' });
    for (let hour = 0; hour < 3; hour += 1) await world.advance(HOUR);
    expect(world.server.revoked).toEqual(['refresh-2']);
  });
});

describe('an answer that is lost', () => {
  test('is asked for again at once within the server’s grace', async () => {
    const world = await makeWorld({ refreshGrace: 30 * SECOND });
    world.server.inject(LOST);
    await world.moveIn('user-1');
    await world.rest();
    expect(world.server.presented).toEqual(['refresh-1', 'refresh-1']);
    expect((await world.grant('user-1')).state).toBe('active');
  });

  test('leaves the live token in use until near its end; then one probe tells', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    const { version, value } = await world.use('user-1');
    world.server.inject(LOST);
    await world.advance(54 * MINUTE);
    expect(world.server.presented).toEqual(['refresh-1', 'refresh-2']);
    expect((await world.token('user-1', { patienceMs: 0 })).value.equals(value)).toBe(true);
    expect(version).toBe(1);
    world.server.inject({ code: 'invalid_grant', verdict: 'rejected', message: 'used' });
    await world.advance(5 * MINUTE);
    expect(world.server.presented).toEqual(['refresh-1', 'refresh-2', 'refresh-2']);
    const grant = await world.grant('user-1');
    expect(grant.state).toBe('consent-required');
    expect(grant.reason).toContain('answer lost');
    expect(await world.alerts()).toHaveLength(1);
    await world.advance(30 * DAY);
    expect(world.server.presented).toHaveLength(3);
  });
});

describe('a server that refuses', () => {
  test('for the rate’s sake is left alone until it says, by all grants of the client', async () => {
    const world = await makeWorld();
    world.server.inject(LIMITED);
    await world.moveIn('user-0');
    await world.rest();
    for (let user = 1; user < 10; user += 1) await world.moveIn(`user-${user}`);
    await world.advance(50 * SECOND);
    expect(world.server.presented).toHaveLength(1);
    await world.advance(11 * SECOND);
    await world.advance(MINUTE);
    expect(new Set(world.server.presented).size).toBe(10);
    expect(await world.alerts()).toEqual([]);
  });

  test('the client’s secret stops all, tells it once, and lets one try at a time', async () => {
    const world = await makeWorld();
    world.server.inject(...Array.from({ length: 3 }, () => CLIENT_REFUSED));
    await world.moveIn('user-0');
    await world.rest();
    for (let user = 1; user < 10; user += 1) await world.moveIn(`user-${user}`);
    expect(world.server.presented).toHaveLength(1);
    await world.advance(61 * SECOND);
    expect(world.server.presented).toHaveLength(2);
    const [alert, ...more] = await world.alerts();
    expect([alert?.kind, alert?.severity, more]).toEqual(['refresh-failed', 'warning', []]);
    await world.advance(10 * MINUTE);
    expect(world.server.presented).toHaveLength(3);
    await world.advance(20 * MINUTE);
    expect(new Set(world.server.presented).size).toBe(10);
    expect(await world.alerts()).toEqual([]);
    const { items } = await world.state.grants({ client: CLIENT });
    expect(items.every(({ state }) => state === 'active')).toBe(true);
  });

  test('very many grants at once is not believed: one alert, and those found dead stay so', async () => {
    const world = await makeWorld();
    for (let user = 0; user < 60; user += 1) await world.moveIn(`user-${user}`, `never-issued-${user}`);
    await world.rest();
    const counts = await world.state.grantCounts(CLIENT);
    expect(counts['consent-required']).toBe(19);
    expect(counts.active).toBe(41);
    const alerts = await world.alerts();
    expect(alerts.filter(({ kind }) => kind === 'refresh-failed')).toHaveLength(1);
    expect(alerts.filter(({ kind }) => kind === 'consent-required')).toHaveLength(19);
    expect(most(world)).toBe(1);
  });
});

describe('time', () => {
  test('counts from the sending, on a steady clock: a step of the wall clock moves nothing', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    const { value } = await world.token('user-1');
    for (const skew of [-3 * HOUR, 5 * HOUR]) {
      world.clock.skew = skew;
      await world.engine.reconcile();
      await world.rest();
      expect((await world.token('user-1', { patienceMs: 0 })).value.equals(value)).toBe(true);
    }
    await world.advance(59 * MINUTE + 30 * SECOND);
    expect((await world.token('user-1')).value.equals(value)).toBe(false);
  });

  test.each([
    ['a first presentation', 1, 0],
    ['a probe', 2, 0],
    ['a replay whose grace is over meanwhile', 2, 30 * SECOND],
  ])(
    'counts from the sending where the process stood still after the intent was committed: %s',
    async (_, sent, refreshGrace) => {
      const world = await makeWorld({ refreshGrace });
      if (sent > 1) world.server.inject({ code: 'no_answer', verdict: 'unknown', message: 'lost' });
      const commit = world.state.commit.bind(world.state);
      let stands = true;
      world.state.commit = async (changes, options) => {
        const committed = await commit(changes, options);
        const intends = changes.some(
          (each) => each.type === 'grant.put' && each.grant.attempt?.sent === sent,
        );
        if (intends && stands) {
          stands = false;
          world.clock.move(10 * MINUTE);
        }
        return committed;
      };
      await world.settle('user-1');
      await world.advance(MINUTE);
      const { attempt, accessExpiresAt, accessSentAt } = await world.grant('user-1');
      expect(attempt).toBeNull();
      expect(accessExpiresAt).toBe((accessSentAt ?? 0) + HOUR);
      expect(accessSentAt).toBeGreaterThanOrEqual(world.clock.time - MINUTE);
      expect(world.server.presented).toHaveLength(sent);
    },
  );

  test.each([
    { what: 'a probe', refreshGrace: 0, dated: 24 * SECOND },
    { what: 'a replay, dated as what it repeats', refreshGrace: MINUTE, dated: 6 * SECOND },
  ])('holds up nothing where every intent takes 6 s: $what', async ({ refreshGrace, dated }) => {
    const world = await makeWorld({ refreshGrace });
    world.server.inject(LOST);
    const commit = world.state.commit.bind(world.state);
    const begun = world.clock.time;
    world.state.commit = async (changes, options) => {
      await commit(changes, options);
      const open = changes.some((each) => each.type === 'grant.put' && each.grant.attempt !== null);
      if (open && world.server.presented.length < 2) world.clock.move(6 * SECOND);
    };
    const { accessSentAt } = await world.settle('user-1');
    expect(world.server.presented).toEqual(['refresh-1', 'refresh-1']);
    expect((accessSentAt ?? 0) - begun).toBe(dated);
  });

  test('counts from the sending where the clock is behind what an earlier process wrote, and the answer is stored late', async () => {
    const world = await makeWorld({ started: false });
    await world.moveIn('user-1');
    const grant = await world.grant('user-1');
    const attempt = { generation: 0, fingerprint: 'a', sentAt: world.clock.time, sent: 1, scope: null };
    await world.state.commit([
      { type: 'grant.put', grant: { ...grant, attempt } },
      { type: 'grant.wake', client: CLIENT, subject: 'user-1', due: { at: 0, lane: 'waiting' } },
    ]);
    world.clock.move(HOUR);
    world.clock.skew = -DAY;
    world.refuse(1, (changes) => changes.some(({ type }) => type === 'grant.answer'));
    const sentAt = world.clock.time;
    const engine = new Engine(world.context);
    onTestFinished(() => engine.stop());
    await engine.start(() => ({ stop() {} }));
    await world.arrived(1);
    await expect.poll(() => world.clock.next).not.toBeNull();
    world.clock.move(20 * SECOND);
    await expect.poll(async () => (await world.grant('user-1')).accessExpiresAt).toBe(sentAt + HOUR);
  });

  test('is the server’s, also for the first answer after a start with a clock that is off', async () => {
    const world = await makeWorld();
    world.clock.skew = 2 * HOUR;
    const grant = await world.settle('user-1');
    expect(grant.accessExpiresAt).toBe(world.clock.time + HOUR);
  });
});

test('a turn that sends nothing takes nothing of the rate', async () => {
  const world = await makeWorld({ requestsPerMinute: 60 });
  await world.settle('user-1');
  const due = { at: world.clock.time, lane: 'hot' } as const;
  for (let turn = 0; turn < 12; turn += 1) {
    await world.engine.submit([{ type: 'grant.wake', client: CLIENT, subject: 'user-1', due }]);
    await world.rest();
  }
  await world.settle('user-2');
  expect(world.server.presented).toHaveLength(2);
});

test('a full rate lets the lanes go in order, and never more than the limit in a minute', async () => {
  const world = await makeWorld({ requestsPerMinute: 60, started: false });
  for (let user = 0; user < 100; user += 1) await world.moveIn(`user-${user}`);
  await world.start();
  expect(world.server.presented).toHaveLength(10);
  const asked = world.token('user-99', { patienceMs: 5_000 });
  await world.advance(2 * SECOND);
  expect((await asked).version).toBe(1);
  for (let second = 2; second < 60; second += 1) await world.advance(SECOND);
  expect(world.server.presented.length).toBeGreaterThan(50);
  expect(world.server.presented.length).toBeLessThanOrEqual(60);
});
