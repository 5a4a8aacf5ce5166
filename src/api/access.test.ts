import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Call, call } from './testing/call.ts';
import { TOKENS, type TokenName, type World, world } from './testing/world.ts';

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());

const ask = (path: string, options?: Call) => call(w.api.address, path, options);

const ANYBODY: readonly TokenName[] = ['admin', 'operator', 'reader', 'app'];
const READERS: readonly TokenName[] = ['admin', 'operator', 'reader'];
const OPERATORS: readonly TokenName[] = ['admin', 'operator'];

/** Every route that wants a token, an example of it, and who may. */
const ROUTES: ReadonlyArray<readonly [string, string, string, readonly TokenName[], number]> = [
  ['get', '/metrics', '/metrics', ANYBODY, 200],
  ['get', '/v1/credentials', '/v1/credentials', READERS, 200],
  ['get', '/v1/credentials/{name}', '/v1/credentials/mine', READERS, 200],
  ['get', '/v1/credentials/{name}/secret', '/v1/credentials/mine/secret', ['admin', 'app'], 200],
  ['post', '/v1/credentials/{name}/rotate', '/v1/credentials/nobody/rotate', OPERATORS, 404],
  ['post', '/v1/credentials/{name}/adopt', '/v1/credentials/nobody/adopt', ['admin'], 404],
  ['post', '/v1/credentials/{name}/import', '/v1/credentials/nobody/import', ['admin'], 400],
  [
    'post',
    '/v1/credentials/{name}/versions/{id}/retire',
    '/v1/credentials/nobody/versions/1/retire',
    ['admin'],
    404,
  ],
  ['post', '/v1/credentials/{name}/compromise', '/v1/credentials/nobody/compromise', ['admin'], 404],
  ['post', '/v1/credentials/{name}/rollback', '/v1/credentials/nobody/rollback', OPERATORS, 404],
  ['post', '/v1/credentials/{name}/pause', '/v1/credentials/nobody/pause', OPERATORS, 404],
  ['post', '/v1/credentials/{name}/resume', '/v1/credentials/nobody/resume', OPERATORS, 404],
  ['post', '/v1/credentials/{name}/forget', '/v1/credentials/nobody/forget', ['admin'], 404],
  ['get', '/v1/rotations', '/v1/rotations', READERS, 200],
  ['get', '/v1/rotations/{id}', '/v1/rotations/none', READERS, 404],
  ['post', '/v1/rotations/{id}/retry', '/v1/rotations/none/retry', OPERATORS, 404],
  ['post', '/v1/rotations/{id}/abandon', '/v1/rotations/none/abandon', OPERATORS, 404],
  ['get', '/v1/alerts', '/v1/alerts', READERS, 200],
  ['get', '/v1/alerts/{id}', '/v1/alerts/none', READERS, 404],
  ['post', '/v1/alerts/{id}/acknowledge', '/v1/alerts/none/acknowledge', OPERATORS, 404],
  ['post', '/v1/alerts/{id}/incident', '/v1/alerts/none/incident', OPERATORS, 404],
  ['get', '/v1/silences', '/v1/silences', READERS, 200],
  ['post', '/v1/silences', '/v1/silences', OPERATORS, 400],
  ['delete', '/v1/silences/{id}', '/v1/silences/none', OPERATORS, 404],
  ['get', '/v1/channels', '/v1/channels', READERS, 200],
  ['post', '/v1/channels/{name}/test', '/v1/channels/nobody/test', OPERATORS, 404],
  ['get', '/v1/audit', '/v1/audit', ['admin'], 200],
  ['post', '/v1/audit/verify', '/v1/audit/verify', ['admin'], 200],
  ['post', '/v1/audit/accept', '/v1/audit/accept', ['admin'], 400],
  ['post', '/v1/oauth/{client}/authorizations', '/v1/oauth/shop-app/authorizations', ['admin', 'app'], 400],
  [
    'get',
    '/v1/oauth/{client}/authorizations/{id}',
    '/v1/oauth/shop-app/authorizations/none',
    ['admin', 'app'],
    404,
  ],
  [
    'post',
    '/v1/oauth/{client}/authorizations/{id}/complete',
    '/v1/oauth/shop-app/authorizations/none/complete',
    ['admin', 'app'],
    400,
  ],
  ['get', '/v1/oauth/{client}/grants', '/v1/oauth/shop-app/grants', READERS, 200],
  ['get', '/v1/oauth/{client}/grants/{subject}', '/v1/oauth/shop-app/grants/nobody', READERS, 404],
  [
    'get',
    '/v1/oauth/{client}/grants/{subject}/access-token',
    '/v1/oauth/shop-app/grants/nobody/access-token',
    ['admin', 'app'],
    404,
  ],
  ['post', '/v1/oauth/{client}/grants', '/v1/oauth/shop-app/grants', ['admin'], 400],
  ['post', '/v1/oauth/{client}/imports', '/v1/oauth/shop-app/imports', ['admin'], 400],
  [
    'delete',
    '/v1/oauth/{client}/grants/{subject}',
    '/v1/oauth/shop-app/grants/nobody',
    ['admin', 'app'],
    404,
  ],
  ['put', '/v1/agents/{name}', '/v1/agents/checkout-1', ['admin', 'app'], 400],
];

/** Routes that ask for no token. */
const OPEN = ['/healthz', '/readyz', '/openapi.json'];

test('the OpenAPI document lists every route, and this file knows every one of them', async () => {
  const { status, json } = await ask('/openapi.json');
  expect(status).toBe(200);
  expect(json.openapi).toBe('3.1.0');
  const paths = json.paths as Record<string, Record<string, { 'x-roles'?: string[]; security?: object[] }>>;
  const listed = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  const known = [
    ...ROUTES.map(([method, path]) => `${method} ${path}`),
    ...OPEN.map((path) => `get ${path}`),
    // Its test is its own: without a state it is refused.
    'get /oauth/callback',
  ];
  expect(listed.toSorted()).toEqual(known.toSorted());
  expect(paths['/v1/audit']?.get).toMatchObject({ 'x-roles': ['admin'], security: [{ token: [] }] });
  expect(paths['/healthz']?.get?.security).toBe(undefined);
  const schemaOf = (route: object | undefined) => JSON.stringify(route);
  expect(schemaOf(paths['/v1/credentials/{name}/rollback']?.post)).toContain('"until":{"type":"string"');
  expect(schemaOf(paths['/v1/credentials/{name}/resume']?.post)).not.toContain('requestBody');
});

describe.each(ROUTES)('%s %s', (method, _pattern, path, allowed, status) => {
  test.each(ANYBODY)('answers the role %s as the surface says', async (token) => {
    const answer = await ask(path, { method: method.toUpperCase(), token });
    expect(answer.status).toBe(allowed.includes(token) ? status : 403);
    if (!allowed.includes(token)) {
      expect(answer.json).toMatchObject({ type: 'urn:keywarden:problem:forbidden', status: 403 });
    }
  });

  test('wants a token', async () => {
    const answer = await ask(path, { method: method.toUpperCase() });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="keywarden"');
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json).toMatchObject({ type: 'urn:keywarden:problem:unauthorized', status: 401 });
  });
});

test.each(OPEN)('GET %s asks for no token', async (path) => {
  expect((await ask(path)).status).toBe(200);
});

test.each([
  ['an unknown token', `Bearer ${TOKENS.admin}x`],
  ['a token cut short', `Bearer ${TOKENS.admin.slice(0, -1)}`],
  ['another scheme', `Basic ${TOKENS.admin}`],
  ['an empty token', 'Bearer '],
  ['two tokens', `Bearer ${TOKENS.admin}, Bearer ${TOKENS.admin}`],
])('%s is refused with 401 and not quoted', async (_what, authorization) => {
  const answer = await ask('/v1/credentials', { headers: { authorization } });
  expect(answer.status).toBe(401);
  expect(answer.text).not.toContain(TOKENS.admin.slice(0, 12));
});

test('the scheme is read in any case', async () => {
  const headers = { authorization: `bEARER ${TOKENS.reader}` };
  expect((await ask('/v1/credentials', { headers })).status).toBe(200);
});

test('an app reads its own credentials only, and learns nothing of which others there are', async () => {
  const other = await ask('/v1/credentials/other/secret', { token: 'app' });
  const nobody = await ask('/v1/credentials/nobody/secret', { token: 'app' });
  expect([other.status, nobody.status]).toEqual([403, 403]);
  expect(other.json.detail).toBe('the token shop may not read other');
  expect(nobody.json.detail).toBe('the token shop may not read nobody');
});

test('no route but the two of values shows a value', async () => {
  const values = w.sandbox.frameflow.keys().map(({ value }) => value);
  for (const [method, pattern, path] of ROUTES) {
    if (pattern.endsWith('/secret') || pattern.endsWith('/access-token')) continue;
    const { text } = await ask(path, { method: method.toUpperCase(), token: 'admin' });
    for (const secret of [...values, ...Object.values(TOKENS)]) expect(text).not.toContain(secret);
  }
  for (const secret of [...values, ...Object.values(TOKENS)]) expect(w.lines.join('')).not.toContain(secret);
});
