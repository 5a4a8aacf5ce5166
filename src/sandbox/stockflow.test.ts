import { expect, test } from 'vitest';
import { Settings } from './settings.ts';
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

test.each([
  ['standard', 1_200],
  ['enterprise', 5_000],
  [{ requestsPerMinute: 30 }, 30],
] as const)('at tier %j, past %i requests a minute: 429 with Retry-After', (tier, perMinute) => {
  let now = START;
  const settings = new Settings();
  settings.change({ stockflowTier: tier });
  const stockflow = new StockFlow(() => now, settings);
  const headers = { authorization: `Bearer ${stockflow.createKey().value}` };
  const search = () => stockflow.handle({ ...CALL, headers });
  for (let i = 0; i < perMinute; i += 1) expect(search()).toMatchObject({ status: 200 });
  const refused = search();
  const wait = Math.ceil(60 / perMinute);
  expect(refused).toMatchObject({
    status: 429,
    headers: { 'retry-after': String(wait), 'x-ratelimit-limit': String(perMinute) },
  });
  now += wait * SECOND;
  expect(search()).toMatchObject({ status: 200 });
});

test('the tier can change while the sandbox runs', async () => {
  const here = await world({ stockflowTier: 'enterprise' });
  expect((await search(here)).headers['x-ratelimit-limit']).toBe('5000');
  here.sandbox.admin.changeSettings({ stockflowTier: 'standard' });
  expect(here.sandbox.stockflow.tier()).toBe('standard');
  expect((await search(here)).headers['x-ratelimit-limit']).toBe('1200');
});

test('the first key can be one that a person made long ago', async () => {
  const here = await world({ stockflowKey: { kind: 'test', createdAt: START - 89 * DAY } });
  expect(here.sandbox.stockflow.key).toMatch(/^sk_test_/);
  expect(here.sandbox.environment.STOCKFLOW_API_KEY).toBe(here.sandbox.stockflow.key);
  here.advance(DAY);
  expect((await search(here)).status).toBe(401);
});

test('what came in is kept, refused or not, without the keys’ values', async () => {
  const here = await world();
  await search(here);
  here.advance(SECOND);
  await search(here, 'sk_live_unknown');
  here.sandbox.admin.setFault({ service: 'stockflow', fault: { kind: 'drop-before' } });
  await expect(search(here)).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(here.sandbox.stockflow.requests()).toEqual([
    { time: START, keyId: here.sandbox.stockflow.keys()[0]?.id, status: 200 },
    { time: START + SECOND, keyId: null, status: 401 },
  ]);
  expect(here.sandbox.admin.state().stockflow.requests).toBe(2);
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
