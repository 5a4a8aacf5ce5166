import { expect, test } from 'vitest';
import { oauthWorld, tokensIn } from './testing/oauth.ts';
import { eventsOf, HOUR, SECOND } from './testing/world.ts';

test('an access token is taken for an hour, then refused as one that a refresh replaces', async () => {
  const { consent, download, refresh, advance } = await oauthWorld();
  const first = await consent();
  advance(HOUR - 1);
  const answer = await download(first.access);
  expect([answer.status, answer.json.url]).toEqual([200, expect.stringContaining('clip_1')]);
  advance(1);
  const refused = await download(first.access);
  expect([refused.status, refused.json.error]).toEqual([
    401,
    expect.objectContaining({ code: 'token_expired' }),
  ]);
  expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
  expect((await download(tokensIn(await refresh(first.refresh)).access)).status).toBe(200);
});

test('a leeway lets it be used a while longer', async () => {
  const { consent, download, advance } = await oauthWorld({ oauth: { accessLeewayMs: 5 * SECOND } });
  const { access } = await consent();
  advance(HOUR + 5 * SECOND - 1);
  expect((await download(access)).status).toBe(200);
  advance(1);
  expect((await download(access)).status).toBe(401);
});

test('a scope that was not granted is missed with 403, which names it', async () => {
  const { consent, call, sandbox } = await oauthWorld();
  const { access } = await consent({ scope: 'asset:download' });
  const search = await call(`${sandbox.frameflow.url}/v1/assets/search?q=snow`, { key: access });
  expect([search.status, search.json.error]).toEqual([
    403,
    expect.objectContaining({ code: 'insufficient_scope', message: expect.stringContaining('asset:read') }),
  ]);
  expect(search.headers['www-authenticate']).toContain('scope="asset:read"');
});

test.each([
  ['GET', '/v1/assets/search?q=snow', 'asset:read', 200],
  ['POST', '/v1/licenses', 'license:purchase', 200],
  ['GET', '/v1/licenses', 'license:purchase', 405],
  ['GET', '/v1/nothing', 'asset:read', 404],
  ['POST', '/v1/auth/rotate', 'asset:read', 404],
  ['GET', '/v1/auth/logs', 'asset:read', 404],
])('%s %s with %s gets %i', async (method, path, scope, status) => {
  const { consent, call, sandbox } = await oauthWorld();
  const { access } = await consent({ scope });
  expect((await call(`${sandbox.frameflow.url}${path}`, { method, key: access })).status).toBe(status);
});

test('a user who takes the grant back ends its tokens; an unknown token is refused', async () => {
  const { consent, download, refresh, admin, sandbox } = await oauthWorld();
  const { access, refresh: value } = await consent();
  const [grant] = sandbox.frameflow.grants();
  expect((await admin('POST', `/grants/${grant?.id}/revoke`)).status).toBe(200);
  expect((await download(access)).json.error).toMatchObject({ code: 'token_revoked' });
  expect((await refresh(value)).json.error).toBe('invalid_grant');
  expect((await download('ff_at_unknown')).json.error).toMatchObject({ code: 'invalid_token' });
  expect(sandbox.admin.state().frameflow.grants).toMatchObject([{ revokedBecause: 'by-user' }]);
  expect(JSON.stringify((await admin('GET', '/state')).json)).not.toMatch(/ff_(at|rt|ac)_/);
  expect((await admin('POST', '/grants/grant_none/revoke')).status).toBe(404);
});

test('access tokens can be ended while their grant goes on', async () => {
  const { consent, download, refresh, admin, sandbox } = await oauthWorld();
  const first = await consent();
  await admin('POST', `/grants/${sandbox.frameflow.grants()[0]?.id}/end-access`);
  expect((await download(first.access)).status).toBe(401);
  expect((await download(tokensIn(await refresh(first.refresh)).access)).status).toBe(200);
  expect((await admin('POST', '/grants/grant_none/end-access')).status).toBe(404);
});

test('calls count by client, apart from the keys and the token endpoint, and are not in the log', async () => {
  const { consent, download, readLog } = await oauthWorld({ tier: { requestsPerMinute: 2 } });
  const { access } = await consent();
  expect([(await download(access)).status, (await download(access)).status]).toEqual([200, 200]);
  const refused = await download(access);
  expect([refused.status, refused.headers['retry-after']]).toEqual([429, '30']);
  await consent();
  expect(eventsOf(await readLog())).toEqual([]);
});
