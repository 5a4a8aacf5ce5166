import { expect, test } from 'vitest';
import { StockFlow } from './stockflow.ts';
import { DAY, SECOND, START, type World, world } from './testing/world.ts';

function search({ sandbox, call }: World, key = sandbox.stockflow.key, body: unknown = { query: 'snow' }) {
  return call(`${sandbox.stockflow.url}/v2/search`, { method: 'POST', key, body });
}

const CALL = {
  method: 'POST',
  path: '/v2/search',
  query: new URLSearchParams(),
  body: Buffer.from('{"query":"snow"}'),
  tooLarge: false,
  remoteAddress: '127.0.0.1',
  pause: () => Promise.resolve(),
  mintAs: null,
};

test('a search answers as the quick start says', async () => {
  const here = await world();
  expect(here.sandbox.stockflow.key).toMatch(/^sk_live_[A-Za-z0-9]{24}$/);
  const body = {
    query: 'snow',
    media_type: 'video',
    min_duration_sec: 15,
    license: 'commercial',
    region: 'CIS',
  };
  const answer = await search(here, here.sandbox.stockflow.key, body);
  expect(answer.status).toBe(200);
  expect(answer.headers.date).toBe(new Date(START).toUTCString());
  expect(answer.json).toEqual({
    status: 200,
    request_id: expect.stringMatching(/^req_/),
    results: expect.any(Array),
    next_page: null,
  });
});

test('a missing or unknown key gets 401 with the header retry_after', async () => {
  const here = await world();
  const unknown = await search(here, 'sk_live_unknown');
  expect([unknown.status, unknown.headers.retry_after]).toEqual([401, '30']);
  expect((await here.call(`${here.sandbox.stockflow.url}/v2/search`, { method: 'POST' })).status).toBe(401);
});

test('a key expires after 90 days of inactivity; each accepted request starts them anew', async () => {
  const here = await world();
  here.advance(90 * DAY - 1);
  expect((await search(here)).status).toBe(200);
  here.advance(90 * DAY - 1);
  expect((await search(here)).status).toBe(200);
  here.advance(90 * DAY);
  expect((await search(here)).status).toBe(401);
  expect((await search(here)).status).toBe(401);
});

test('a refused request does not keep a key alive', async () => {
  const here = await world();
  const idle = here.sandbox.admin.createStockflowKey({
    permissions: ['upload_asset'],
    createdAt: START - 89 * DAY,
  });
  expect((await search(here, idle.value)).status).toBe(403);
  here.advance(DAY);
  expect((await search(here, idle.value)).status).toBe(401);
});

test('a key made by hand works until a person revokes it', async () => {
  const here = await world();
  const key = here.sandbox.admin.createStockflowKey({ kind: 'test' });
  expect(key.value).toMatch(/^sk_test_/);
  expect((await search(here, key.value)).status).toBe(200);
  expect(here.sandbox.admin.revokeStockflowKey(key.id)).toBe(true);
  expect((await search(here, key.value)).status).toBe(401);
  expect((await search(here)).status).toBe(200);
  expect(here.sandbox.admin.revokeStockflowKey('sfk_none')).toBe(false);
});

test('past 1,200 requests a minute: 429 with Retry-After', () => {
  let now = START;
  const stockflow = new StockFlow(() => now);
  const headers = { authorization: `Bearer ${stockflow.createKey().value}` };
  const search = () => stockflow.handle({ ...CALL, headers });
  for (let i = 0; i < 1_200; i += 1) expect(search()).toMatchObject({ status: 200 });
  expect(search()).toMatchObject({
    status: 429,
    headers: { 'retry-after': '1', 'x-ratelimit-limit': '1200' },
  });
  now += SECOND;
  expect(search()).toMatchObject({ status: 200 });
});

test.each([
  ['no query', {}],
  ['a query that is no text', { query: 7 }],
  ['an unknown medium', { query: 'x', media_type: 'smell' }],
  ['half a second', { query: 'x', min_duration_sec: 0.5 }],
  ['a body that is no JSON', '{'],
])('with %s a search gets 400', async (_, body) => {
  const here = await world();
  expect((await search(here, here.sandbox.stockflow.key, body)).status).toBe(400);
});

test('other paths get 404, other methods 405', async () => {
  const { sandbox, call } = await world();
  const { url, key } = sandbox.stockflow;
  expect((await call(`${url}/v2/rotate`, { method: 'POST', key })).status).toBe(404);
  expect((await call(`${url}/v2/search`, { key })).status).toBe(405);
});
