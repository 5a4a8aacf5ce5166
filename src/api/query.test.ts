import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

let w: World;
beforeAll(async () => {
  w = await world();
  w.grants.add('shop-app', 'user-1');
});
afterAll(() => w[Symbol.asyncDispose]());

const TOKEN = '/v1/oauth/shop-app/grants/user-1/access-token';

test.each([
  [`${TOKEN}?scopes=a`, 'unknown query parameter "scopes"; did you mean scope?'],
  [`${TOKEN}?Scope=a`, 'unknown query parameter "Scope"; did you mean scope?'],
  [`${TOKEN}?scope=a&scope=b`, 'scope stands in the query more than once'],
  [`${TOKEN}?scope=a&rejectd=1`, 'unknown query parameter "rejectd"; did you mean rejected?'],
  [`${TOKEN}?__proto__=a`, 'unknown query parameter "__proto__"'],
  ['/v1/oauth/shop-app/grants?stat=active', 'unknown query parameter "stat"; did you mean state?'],
  ['/v1/oauth/shop-app/grants/user-1?x=1', 'unknown query parameter "x"'],
  ['/v1/credentials/mine/secret?wiat=1s', 'unknown query parameter "wiat"; did you mean wait?'],
  ['/v1/rotations?credentials=mine', 'unknown query parameter "credentials"; did you mean credential?'],
  ['/v1/alerts?limit=1&limit=2', 'limit stands in the query more than once'],
  ['/v1/audit?actors=ops', 'unknown query parameter "actors"; did you mean actor?'],
])('%s is refused, and nothing is handed out', async (path, detail) => {
  const before = w.grants.asked.length;
  const { status, json } = await call(w.api.address, path, { token: 'admin' });
  expect([status, json.type, json.detail]).toEqual([400, 'urn:keywarden:problem:bad-request', detail]);
  expect(w.grants.asked).toHaveLength(before);
});

test.each([
  `${TOKEN}?scope=a&rejected=1&wait=1s`,
  '/v1/oauth/shop-app/grants?state=active&limit=1',
  '/v1/credentials/mine/secret?wait=1s',
  '/v1/rotations?credential=mine&limit=1',
  '/v1/alerts?state=open&limit=1',
  '/v1/audit?actor=ops&credential=mine&action=x&limit=1&since=30d&until=2026-10-01T09:00:00Z&order=oldest',
])('%s is what the route knows', async (path) => {
  expect((await call(w.api.address, path, { token: 'admin' })).status).toBe(200);
});

test('the OpenAPI document names what a query may have', async () => {
  const { json } = await call(w.api.address, '/openapi.json');
  const paths = json.paths as Record<string, { get?: { parameters?: { name: string; in: string }[] } }>;
  const named = (path: string) =>
    paths[path]?.get?.parameters?.filter((each) => each.in === 'query').map(({ name }) => name);
  expect(named('/v1/audit')).toEqual([
    'actor',
    'credential',
    'action',
    'since',
    'until',
    'order',
    'cursor',
    'limit',
  ]);
  expect(named('/v1/credentials/{name}/secret')).toEqual(['wait']);
});
