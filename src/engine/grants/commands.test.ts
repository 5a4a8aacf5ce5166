import { describe, expect, test } from 'vitest';
import { DAY, type Failure, HOUR, KeywardenError, MINUTE, SECOND, Secret } from '../../model/index.ts';
import { Engine } from '../engine.ts';
import { CLIENT, makeWorld, type World } from './testing/world.ts';

const BUSY: Failure = { code: 'unavailable', verdict: 'retryable', message: '503' };
const LOST: Failure = { code: 'timeout', verdict: 'unknown', message: 'no answer came' };
const consentOf = (subject: string) => ({ subject, returnUrl: null, actor: 'test' });

/** A consent whose user came back from the server. */
async function begun(world: World, subject = 'user-1') {
  const { id, authorizeUrl } = await world.engine.grants.begin(CLIENT, consentOf(subject));
  const state = new URL(authorizeUrl).searchParams.get('state') ?? '';
  return { id, state, query: new URLSearchParams({ code: 'code-1', state }) };
}

describe('a consent', () => {
  test('becomes a grant with a token that is handed out without a further request', async () => {
    const world = await makeWorld();
    const { query, id } = await begun(world);
    const authorization = await world.engine.grants.callback(query);
    expect(authorization).toMatchObject({ id, state: 'completed', subject: 'user-1', error: null });
    expect((await world.token('user-1')).version).toBe(1);
    expect(world.server.presented).toEqual(['code-1']);
    const stored = await world.state.authorization(id);
    expect([stored?.secrets.callback, stored?.secrets.answer]).toEqual([null, null]);
  });

  test('has a verifier and a state of 256 bits, and keeps of the state a digest alone', async () => {
    const world = await makeWorld();
    const { id, state } = await begun(world);
    const stored = await world.state.authorization(id);
    expect(Buffer.from(state, 'base64url')).toHaveLength(32);
    expect(Buffer.from(stored?.secrets.verifier.reveal() ?? '', 'base64url')).toHaveLength(32);
    expect(stored?.authorization.stateDigest).not.toContain(state);
    expect((await begun(world)).state).not.toBe(state);
  });

  test('is of single use, also where the browser comes back twice at the same moment', async () => {
    const world = await makeWorld();
    const { query } = await begun(world);
    const twice = await Promise.allSettled([
      world.engine.grants.callback(query),
      world.engine.grants.callback(query),
    ]);
    expect(twice.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(world.engine.grants.callback(query)).rejects.toMatchObject({ code: 'unknown_state' });
    expect(world.server.presented).toEqual(['code-1']);
  });

  test('is over after ten minutes, and forgotten a day later', async () => {
    const world = await makeWorld();
    const { query, id } = await begun(world);
    await world.advance(10 * MINUTE);
    await expect(world.engine.grants.callback(query)).rejects.toMatchObject({ code: 'unknown_state' });
    const over = await world.engine.grants.authorization(CLIENT, id);
    expect(over).toMatchObject({ state: 'failed', error: { code: 'expired' } });
    await world.advance(DAY);
    await expect(world.engine.grants.authorization(CLIENT, id)).rejects.toMatchObject({
      code: 'unknown_authorization',
    });
  });

  test('that the user refused says so, and leaves an older grant as it is', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    const { state } = await begun(world);
    const query = new URLSearchParams({ error: 'access_denied', state });
    const { error, state: ended } = await world.engine.grants.callback(query);
    expect([ended, error?.code]).toEqual(['failed', 'access_denied']);
    expect((await world.token('user-1')).version).toBe(1);
  });

  test('whose code could not be sent is tried again while it is good', async () => {
    const world = await makeWorld();
    world.server.inject(BUSY);
    const { query } = await begun(world);
    const ended = world.engine.grants.callback(query);
    await world.arrived(1);
    await world.rest();
    await world.advance(2 * SECOND);
    expect((await ended).state).toBe('completed');
  });

  test('whose answer is lost fails, for a code is good once', async () => {
    const world = await makeWorld();
    world.server.inject(LOST);
    const { query } = await begun(world);
    const { state, error } = await world.engine.grants.callback(query);
    expect([state, error?.code]).toEqual(['failed', 'answer_lost']);
    expect(world.server.presented).toEqual(['code-1']);
  });

  test('that is found on its way after a crash failed, where no answer was stored', async () => {
    const world = await makeWorld();
    const { id } = await begun(world);
    await world.engine.stop();
    const stored = await world.state.authorization(id);
    if (stored === null) throw new Error('no authorization');
    const { authorization } = stored;
    const lane = `consents:${CLIENT}`;
    await world.state.commit([
      { type: 'authorization.put', authorization: { ...authorization, state: 'exchanging', sentAt: 0 } },
      { type: 'work.put', work: { kind: 'authorization', id, lane, dueAt: 0 } },
    ]);
    const next = new Engine(world.context);
    await next.start(() => ({ stop() {} }));
    const found = async () => (await next.grants.authorization(CLIENT, id)).error?.message;
    await expect.poll(found).toContain('consent again');
    await next.stop();
    expect(world.server.presented).toEqual([]);
  });

  test('is finished by the application alone that began it', async () => {
    const world = await makeWorld();
    const [mine, other] = [await begun(world, 'user-1'), await begun(world, 'user-2')];
    const { grants } = world.engine;
    const crossed = grants.complete(CLIENT, mine.id, other.query);
    await expect(crossed).rejects.toMatchObject({ code: 'unknown_state' });
    const unknown = new URLSearchParams({ code: 'code-1', state: 'never-made' });
    await expect(grants.complete(CLIENT, 'nothing', unknown)).rejects.toMatchObject({
      code: 'unknown_authorization',
    });
    expect((await grants.complete(CLIENT, mine.id, mine.query)).state).toBe('completed');
  });

  test.each([
    ['of another session', (mine: string) => mine],
    ['of none', () => 'none'],
  ])(
    'whose code came into the session %s is ended, for whoever began it must not use that code',
    async (_whose, idIn) => {
      const world = await makeWorld();
      const { grants } = world.engine;
      const [victor, mallory] = [await begun(world, 'victor'), await begun(world, 'mallory')];
      await expect(grants.complete(CLIENT, idIn(victor.id), mallory.query)).rejects.toBeInstanceOf(
        KeywardenError,
      );
      expect(await grants.authorization(CLIENT, mallory.id)).toMatchObject({
        state: 'failed',
        error: { code: 'wrong_session' },
      });
      for (const finish of [
        () => grants.complete(CLIENT, mallory.id, mallory.query),
        () => grants.callback(mallory.query),
      ])
        await expect(finish()).rejects.toMatchObject({ code: 'unknown_state' });
      const { items } = await world.state.audit({ action: 'grant.consent-failed', cursor: null, limit: 10 });
      expect(items).toMatchObject([{ detail: { subject: 'mallory', reason: 'wrong_session' } }]);
      expect((await grants.complete(CLIENT, victor.id, victor.query)).subject).toBe('victor');
      expect(world.server.presented).toEqual(['code-1']);
      await world.advance(2 * DAY);
      expect(await world.state.authorization(mallory.id)).toBeNull();
    },
  );

  test('that was finished stays so, whatever session its callback comes into again', async () => {
    const world = await makeWorld();
    const { grants } = world.engine;
    const [mine, other] = [await begun(world, 'user-1'), await begun(world, 'user-2')];
    await grants.complete(CLIENT, other.id, other.query);
    await expect(grants.complete(CLIENT, mine.id, other.query)).rejects.toMatchObject({
      code: 'unknown_state',
    });
    expect((await grants.authorization(CLIENT, other.id)).state).toBe('completed');
  });

  test('is not taken at an address that is not the one of its client, and not spent', async () => {
    const world = await makeWorld();
    const { grants } = world.engine;
    const { query } = await begun(world);
    await expect(grants.callback(query, (client) => client !== CLIENT)).rejects.toMatchObject({
      code: 'callback_elsewhere',
    });
    expect((await grants.callback(query, (client) => client === CLIENT)).state).toBe('completed');
    await expect(grants.callback(query, () => false)).rejects.toMatchObject({ code: 'unknown_state' });
  });

  test('is begun for those return URLs alone that are configured, to the letter', async () => {
    const world = await makeWorld();
    const { grants } = world.engine;
    const begin = (returnUrl: string) => grants.begin(CLIENT, { ...consentOf('user-1'), returnUrl });
    await expect(begin('https://app.test/back/')).rejects.toMatchObject({ code: 'return_url_not_allowed' });
    expect((await begin('https://app.test/back')).expiresAt).toBe(world.clock.time + 10 * MINUTE);
    await expect(grants.begin(CLIENT, consentOf(''))).rejects.toMatchObject({ code: 'bad_subject' });
    await expect(grants.begin('other', consentOf('u'))).rejects.toMatchObject({ code: 'unknown_client' });
    world.server.down = BUSY;
    await expect(begin('https://app.test/back')).rejects.toMatchObject({ code: 'provider_unavailable' });
  });

  test('of a grant that was dead ends its alert', async () => {
    const world = await makeWorld();
    await world.moveIn('user-1', 'never-issued');
    await world.rest();
    expect(await world.alerts()).toHaveLength(1);
    await world.engine.grants.callback((await begun(world)).query);
    expect(await world.alerts()).toEqual([]);
    expect((await world.token('user-1')).version).toBe(1);
  });
});

describe('grants that move in', () => {
  const moving = (subject: string, token: string) => ({
    subject,
    refreshToken: Secret.from(token),
    scopes: null,
  });

  test('are counted, a thousand in one commit, and none twice', async () => {
    const world = await makeWorld({ started: false });
    const all = Array.from({ length: 1_000 }, (_, at) => moving(`user-${at}`, `token-${at}`));
    const { grants } = world.engine;
    expect(await grants.takeOver(CLIENT, all, 'test')).toEqual({ taken: 1_000, known: 0 });
    expect(await grants.takeOver(CLIENT, all, 'test')).toEqual({ taken: 0, known: 1_000 });
    expect((await world.state.grantCounts(CLIENT)).active).toBe(1_000);
  });

  test('are refused where subject or token is none, without the token in the error', async () => {
    const { engine } = await makeWorld({ started: false });
    const refused = (subject: string, token: string) =>
      engine.grants.takeOver(CLIENT, [moving(subject, token)], 'test').catch((error: unknown) => error);
    expect(await refused('', 'token')).toMatchObject({ code: 'bad_subject' });
    expect(await refused('x'.repeat(256), 'token')).toMatchObject({ code: 'bad_subject' });
    const error = await refused('user-1', 'planted\nsecret');
    expect(error).toMatchObject({ code: 'bad_token' });
    expect(String(error)).not.toContain('planted');
  });
});

describe('a client', () => {
  test('learns by introspection whether a refresh gives a new life, and tells whose end is near', async () => {
    const world = await makeWorld();
    await world.settle('user-1');
    await world.use('user-1');
    await world.advance(2 * HOUR);
    await world.token('user-1');
    await world.rest();
    world.server.endsAt = (await world.grant('user-1')).consentedAt + 90 * DAY;
    await world.advance(HOUR);
    expect((await world.state.client(CLIENT)).record?.slides).toBe(false);
    for (let day = 0; day < 80; day += 1) await world.advance(DAY);
    const [alert] = await world.alerts();
    expect(alert?.kind).toBe('consent-required');
    expect(alert?.title).toContain('1 grants');
  });

  test('that is no longer configured parks: its grants stay, nothing is sent, and its alerts end', async () => {
    const world = await makeWorld();
    await world.moveIn('user-1', 'never-issued');
    await world.rest();
    expect(await world.alerts()).toHaveLength(1);
    await world.engine.stop();
    const config = { ...world.context.config, oauthClients: {} };
    const next = new Engine({ ...world.context, config });
    await next.start(() => ({ stop() {} }));
    expect(await world.alerts()).toEqual([]);
    await expect.poll(() => next.active).toBe(0);
    await next.stop();
    expect((await world.grant('user-1')).state).toBe('consent-required');
    expect(world.server.presented).toEqual(['never-issued']);
  });
});
