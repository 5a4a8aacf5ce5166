import { describe, expect, test, vi } from 'vitest';
import { basic, CLIENT, FORM, OTHER, oauthWorld, SCOPES, tokensIn } from './testing/oauth.ts';
import { type Answer, DAY, field, HOUR, SECOND } from './testing/world.ts';

const refusal = ({ status, json }: Answer) => [status, json.error];
const INVALID_GRANT = [400, 'invalid_grant'];

describe('a code', () => {
  test('gets tokens in the form of RFC 6749, which nobody keeps', async () => {
    const { exchange, code, sandbox } = await oauthWorld();
    const answer = await exchange(await code());
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      access_token: expect.stringMatching(/^ff_at_\w{43}$/),
      token_type: 'Bearer',
      expires_in: 3_600,
      refresh_token: expect.stringMatching(/^ff_rt_\w{43}$/),
      scope: SCOPES.join(' '),
    });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'x-ratelimit-limit': '600' });
    expect(sandbox.frameflow.grants()).toMatchObject([{ clientId: CLIENT.clientId, scopes: SCOPES }]);
  });

  test('is good once: its second use revokes what the first gave', async () => {
    const { exchange, code, refresh, download, sandbox } = await oauthWorld();
    const value = await code();
    const { access, refresh: token } = tokensIn(await exchange(value));
    expect((await download(access)).status).toBe(200);
    expect(refusal(await exchange(value))).toEqual(INVALID_GRANT);
    expect((await download(access)).status).toBe(401);
    expect(refusal(await refresh(token))).toEqual(INVALID_GRANT);
    expect(sandbox.frameflow.grants()).toMatchObject([{ revokedBecause: 'code-reused' }]);
  });

  test('is good for a minute', async () => {
    const { exchange, code, advance } = await oauthWorld();
    const [early, late] = [await code(), await code()];
    advance(60 * SECOND - 1);
    expect((await exchange(early)).status).toBe(200);
    advance(1);
    expect(refusal(await exchange(late))).toEqual(INVALID_GRANT);
  });

  test.each([
    ['with another verifier', { code_verifier: 'w'.repeat(43) }],
    ['with another redirect URI', { redirect_uri: OTHER.redirectUris[0] ?? '' }],
    ['without the redirect URI', { redirect_uri: null }],
  ])('%s is refused, and spent', async (_, more) => {
    const { exchange, code, sandbox } = await oauthWorld();
    const value = await code();
    expect(refusal(await exchange(value, more))).toEqual(INVALID_GRANT);
    expect(refusal(await exchange(value))).toEqual(INVALID_GRANT);
    expect(sandbox.frameflow.grants()).toEqual([]);
  });

  test('of another client is refused and stays good for its own', async () => {
    const { exchange, code } = await oauthWorld();
    const value = await code();
    expect(refusal(await exchange(value, {}, OTHER))).toEqual(INVALID_GRANT);
    expect((await exchange(value)).status).toBe(200);
  });
});

describe('a refresh', () => {
  test('gives new tokens and voids the old refresh token: its second use revokes the grant', async () => {
    const { consent, refresh, download, sandbox } = await oauthWorld();
    const first = await consent();
    const second = tokensIn(await refresh(first.refresh));
    expect(second.refresh).not.toBe(first.refresh);
    expect((await download(first.access)).status).toBe(200);
    expect((await download(second.access)).status).toBe(200);
    expect(refusal(await refresh(first.refresh))).toEqual(INVALID_GRANT);
    expect(refusal(await refresh(second.refresh))).toEqual(INVALID_GRANT);
    expect((await download(second.access)).status).toBe(401);
    expect(sandbox.frameflow.grants()).toMatchObject([
      { refreshes: 1, revokedBecause: 'refresh-token-reused' },
    ]);
  });

  test('within the grace is repeated without harm, after it not', async () => {
    const { consent, refresh, advance } = await oauthWorld({ oauth: { refreshGraceMs: 30 * SECOND } });
    const first = await consent();
    const second = tokensIn(await refresh(first.refresh));
    advance(30 * SECOND - 1);
    const again = tokensIn(await refresh(first.refresh));
    expect(again.refresh).toBe(second.refresh);
    expect(again.access).not.toBe(second.access);
    const third = tokensIn(await refresh(second.refresh));
    advance(1);
    expect(refusal(await refresh(first.refresh))).toEqual(INVALID_GRANT);
    expect(refusal(await refresh(third.refresh))).toEqual(INVALID_GRANT);
  });

  test('without rotation gives no refresh token, and the old one stays', async () => {
    const { consent, refresh } = await oauthWorld({ oauth: { rotation: false } });
    const { refresh: value } = await consent();
    expect((await refresh(value)).json).not.toHaveProperty('refresh_token');
    expect((await refresh(value)).status).toBe(200);
  });

  test('is possible for 90 days, which each new token has for itself', async () => {
    const { consent, refresh, advance } = await oauthWorld();
    const first = await consent();
    advance(90 * DAY - 1);
    const second = tokensIn(await refresh(first.refresh));
    advance(90 * DAY - 1);
    const third = tokensIn(await refresh(second.refresh));
    advance(90 * DAY);
    expect(refusal(await refresh(third.refresh))).toEqual(INVALID_GRANT);
  });

  test('is possible for 90 days in all where they do not slide', async () => {
    const { consent, refresh, advance } = await oauthWorld({ oauth: { sliding: false } });
    const first = await consent();
    advance(60 * DAY);
    const second = tokensIn(await refresh(first.refresh));
    advance(30 * DAY);
    expect(refusal(await refresh(second.refresh))).toEqual(INVALID_GRANT);
  });

  test('for fewer scopes narrows that access token alone; for more it is refused and harms nothing', async () => {
    const { consent, refresh, download } = await oauthWorld();
    const first = await consent();
    expect(refusal(await refresh(first.refresh, { scope: 'billing:read' }))).toEqual([400, 'invalid_scope']);
    const narrow = await refresh(first.refresh, { scope: 'license:purchase' });
    expect(narrow.json.scope).toBe('license:purchase');
    expect((await download(field(narrow, 'access_token'))).status).toBe(403);
    expect((await refresh(field(narrow, 'refresh_token'))).json.scope).toBe(SCOPES.join(' '));
  });

  test('of another client’s token is refused and harms nothing', async () => {
    const { consent, refresh } = await oauthWorld();
    const { refresh: value } = await consent();
    expect(refusal(await refresh(value, {}, OTHER))).toEqual(INVALID_GRANT);
    expect((await refresh(value)).status).toBe(200);
  });

  test('four at once: one wins, and the others are a reuse', async () => {
    const { consent, refresh, sandbox } = await oauthWorld();
    const { refresh: value } = await consent();
    sandbox.admin.setFault({
      service: 'frameflow',
      path: '/oauth/token',
      times: 4,
      fault: { kind: 'delay', ms: 60_000 },
    });
    const four = [1, 2, 3, 4].map(() => refresh(value));
    await vi.waitUntil(() => sandbox.admin.state().faults.length === 0, { interval: 1 });
    // They are in process: nothing was done yet.
    expect(sandbox.frameflow.grants()).toMatchObject([{ refreshes: 0 }]);
    sandbox.admin.clearFaults();
    const statuses = (await Promise.all(four)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 400, 400, 400]);
  });
});

describe('a client', () => {
  test('proves itself by a header or in the form, never by both', async () => {
    const { code, exchange, post } = await oauthWorld();
    const posted = { client_id: CLIENT.clientId, client_secret: CLIENT.secret };
    const { refresh } = tokensIn(await exchange(await code()));
    const form = { grant_type: 'refresh_token', refresh_token: refresh, ...posted };
    expect(refusal(await post(form))).toEqual([400, 'invalid_request']);
    expect(refusal(await post({ ...form, client_id: 'other', client_secret: null }))).toEqual([
      400,
      'invalid_request',
    ]);
    expect((await post(form, { headers: { authorization: '' } })).status).toBe(200);
  });

  test.each([
    ['another secret', basic({ ...CLIENT, secret: 'wrong' })],
    ['an unknown id', basic({ ...CLIENT, clientId: 'nobody' })],
    ['a header without a colon', `Basic ${Buffer.from('footage').toString('base64')}`],
    ['nothing', ''],
  ])('with %s gets 401 invalid_client', async (_, authorization) => {
    const { post } = await oauthWorld();
    const answer = await post(
      { grant_type: 'refresh_token', refresh_token: 'x' },
      { headers: { authorization } },
    );
    expect(refusal(answer)).toEqual([401, 'invalid_client']);
    expect(answer.headers['www-authenticate']).toContain('Basic');
  });

  test('whose secret was changed is refused, and no grant is harmed', async () => {
    const { consent, refresh, sandbox } = await oauthWorld();
    const { refresh: value } = await consent();
    sandbox.admin.changeSettings({ oauth: { clients: [{ ...CLIENT, secret: 'new' }] } });
    expect(refusal(await refresh(value))).toEqual([401, 'invalid_client']);
    expect((await refresh(value, {}, { ...CLIENT, secret: 'new' })).status).toBe(200);
  });

  test('has a bucket of its own, apart from the keys', async () => {
    const { post, search, advance } = await oauthWorld({ tier: { requestsPerMinute: 2 } });
    const ask = (client = CLIENT) => post({ grant_type: 'refresh_token', refresh_token: 'x' }, {}, client);
    await ask();
    await ask();
    const refused = await ask();
    expect(refusal(refused)).toEqual([429, 'rate_limited']);
    expect(refused.headers).toMatchObject({ 'retry-after': '30', 'x-ratelimit-remaining': '0' });
    expect(refusal(await ask(OTHER))).toEqual(INVALID_GRANT);
    expect((await search()).status).toBe(200);
    advance(30 * SECOND);
    expect(refusal(await ask())).toEqual(INVALID_GRANT);
  });
});

describe('a request that is not in order', () => {
  const refreshing = { grant_type: 'refresh_token', refresh_token: 'x' };

  test.each([
    ['no grant_type', {}, 'invalid_request'],
    ['another grant_type', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no refresh_token', { grant_type: 'refresh_token' }, 'invalid_request'],
    ['an empty refresh_token', { ...refreshing, refresh_token: '' }, 'invalid_request'],
    ['no code', { grant_type: 'authorization_code', code_verifier: 'v'.repeat(43) }, 'invalid_request'],
    ['no verifier', { grant_type: 'authorization_code', code: 'x' }, 'invalid_request'],
  ])('with %s gets 400', async (_, form, error) => {
    const { post } = await oauthWorld();
    expect(refusal(await post(form))).toEqual([400, error]);
  });

  test('as JSON, too large, by GET or with a repeated parameter is refused', async () => {
    const { post, call, sandbox } = await oauthWorld();
    const json = { headers: { 'content-type': 'application/json' } };
    const large = { body: `a=${'x'.repeat(64 * 1024)}` };
    const twice = { body: 'grant_type=refresh_token&grant_type=refresh_token' };
    for (const request of [json, large, twice]) {
      expect(refusal(await post(refreshing, request))).toEqual([400, 'invalid_request']);
    }
    const got = await call(`${sandbox.frameflow.url}/oauth/token`, { headers: FORM });
    expect([got.status, got.headers.allow]).toEqual([405, 'POST']);
  });

  test('over plaintext gets 403', async () => {
    const { call, sandbox } = await oauthWorld();
    const url = `${sandbox.frameflow.plaintextUrl}/oauth/token`;
    expect((await call(url, { method: 'POST', headers: FORM, body: 'a=b' })).status).toBe(403);
  });
});

describe('under a fault, a refresh', () => {
  test.each([
    ['drop-after', { kind: 'drop-after' }, 1],
    ['drop-before', { kind: 'drop-before' }, 0],
    ['a 502 behind its work', { kind: 'status', status: 502, processed: true }, 1],
    ['a 429', { kind: 'status', status: 429, headers: { 'retry-after': '7' } }, 0],
  ] as const)('%s, has its effect where its work was done', async (_, fault, refreshes) => {
    const { consent, refresh, sandbox } = await oauthWorld();
    const { refresh: value } = await consent();
    sandbox.admin.setFault({ service: 'frameflow', path: '/oauth/token', fault });
    await refresh(value).catch(() => null);
    expect(sandbox.frameflow.grants()).toMatchObject([{ refreshes }]);
  });

  test('altered: the answer has other fields and true tokens', async () => {
    const { consent, refresh, sandbox } = await oauthWorld();
    const { refresh: value } = await consent();
    sandbox.admin.setFault({
      service: 'frameflow',
      path: '/oauth/token',
      fault: { kind: 'altered', set: { expires_in: 'soon', extra: [1] }, remove: ['scope'] },
    });
    const answer = await refresh(value);
    expect(answer.json).toMatchObject({ expires_in: 'soon', extra: [1], token_type: 'Bearer' });
    expect(answer.json).not.toHaveProperty('scope');
    expect((await refresh(field(answer, 'refresh_token'))).json.expires_in).toBe(HOUR / SECOND);
  });
});
