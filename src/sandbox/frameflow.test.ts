import { describe, expect, test } from 'vitest';
import { DAY, eventsOf, field, HOUR, SECOND, START, world } from './testing/world.ts';

describe('keys', () => {
  test('a valid key is let in, and the answer bears its id and the sandbox’s time', async () => {
    const { sandbox, search } = await world();
    const answer = await search();
    expect(answer.status).toBe(200);
    expect(answer.headers['x-key-id']).toBe(sandbox.frameflow.firstKey.id);
    expect(answer.headers.date).toBe(new Date(START).toUTCString());
    expect(answer.json.results).toHaveLength(3);
  });

  test.each([
    ['no Authorization', {}, 'missing_key'],
    ['another scheme', { authorization: 'Basic Zm9vOmJhcg==' }, 'missing_key'],
    ['an unknown key', { authorization: 'Bearer ff_live_0000000000000000' }, 'invalid_key'],
  ])('%s gets 401 in the contract’s form and without a key id', async (_, headers, code) => {
    const { sandbox, call } = await world();
    const answer = await call(`${sandbox.frameflow.url}/v1/assets/search`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers['x-key-id']).toBeUndefined();
    expect(answer.json).toEqual({
      error: { code, message: expect.any(String) },
      request_id: expect.stringMatching(/^req_[A-Za-z0-9]{16}$/),
    });
  });

  test('a revoked key is refused from then on', async () => {
    const { sandbox, search } = await world();
    sandbox.admin.revokeKey(sandbox.frameflow.firstKey.id);
    const answer = await search();
    expect(answer.status).toBe(401);
    expect(answer.json.error).toMatchObject({ code: 'key_expired' });
    expect(answer.headers['x-key-id']).toBeUndefined();
  });

  test('first keys have the age, name, id and value they were given', async () => {
    const createdAt = START - 85 * DAY;
    const value = 'ff_live_abcdefghij0123456789';
    const { sandbox, search } = await world({
      firstKeys: [{ id: 'key_old', value, createdAt, name: 'footage' }, {}],
      propagationMs: 30 * SECOND,
    });
    expect(sandbox.frameflow.firstKey).toEqual({ id: 'key_old', value });
    expect(sandbox.frameflow.keys()[0]).toMatchObject({ createdAt, name: 'footage', state: 'active' });
    expect(sandbox.frameflow.keys()[1]?.value).toMatch(/^ff_live_[A-Za-z0-9]{32}$/);
    expect((await search(sandbox.frameflow.keys()[1]?.value)).status).toBe(200);
  });
});

describe('a request over TLS', () => {
  test('to an unknown path gets 404, by a wrong method 405 with the right one', async () => {
    const { sandbox, call } = await world();
    const key = sandbox.frameflow.firstKey.value;
    const unknown = await call(`${sandbox.frameflow.url}/v1/nothing`, { key });
    expect([unknown.status, unknown.json.error]).toEqual([
      404,
      expect.objectContaining({ code: 'not_found' }),
    ]);
    const wrong = await call(`${sandbox.frameflow.url}/v1/auth/rotate`, { key });
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'POST']);
  });

  test('from outside the registered networks gets 403, and the key is named', async () => {
    const { sandbox, search } = await world({ registeredNetworks: ['203.0.113.0/24', '2001:db8::/32'] });
    const from = (ip: string) => search(undefined, { headers: { 'x-sandbox-from': ip } });
    expect((await from('203.0.113.9')).status).toBe(200);
    expect((await from('2001:db8::5')).status).toBe(200);
    const refused = await from('198.51.100.7');
    expect(refused.status).toBe(403);
    expect(refused.json.error).toMatchObject({ code: 'ip_not_allowed' });
    expect(refused.headers['x-key-id']).toBe(sandbox.frameflow.firstKey.id);
    sandbox.admin.changeSettings({ registeredNetworks: null });
    expect((await from('198.51.100.7')).status).toBe(200);
  });

  test('with a body over 64 KB gets 413', async () => {
    const { rotate, sandbox } = await world();
    expect((await rotate(undefined, { body: 'x'.repeat(64 * 1024 + 1) })).status).toBe(413);
    expect(sandbox.frameflow.keys()).toHaveLength(1);
  });

  test.each(['300.1.1.1', '203.0.113.9;Germany', '203.0.113.9;DE;X;91;0', '203.0.113.9;DE;%E0%A4%A'])(
    'with the unreadable origin %s gets 400',
    async (origin) => {
      const { search } = await world();
      const answer = await search(undefined, { headers: { 'x-sandbox-from': origin } });
      expect(answer.status).toBe(400);
      expect(answer.json.error).toMatchObject({ code: 'invalid_sandbox_from' });
    },
  );
});

describe('the rate limit', () => {
  test.each([
    ['standard' as const, 120],
    ['pro' as const, 600],
    [{ requestsPerMinute: 3 }, 3],
  ])('of %j is told with every answer', async (tier, limit) => {
    const { search } = await world({ tier });
    const { headers } = await search();
    expect(headers['x-ratelimit-limit']).toBe(String(limit));
    expect(headers['x-ratelimit-remaining']).toBe(String(limit - 1));
    expect(Number(headers['x-ratelimit-reset'])).toBeGreaterThan(START / 1000);
  });

  test('past it: 429 with Retry-After, after which a request is let in again', async () => {
    const { search, advance, sandbox } = await world({ tier: { requestsPerMinute: 2 } });
    await search();
    await search();
    const refused = await search();
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({
      'retry-after': '30',
      'x-ratelimit-remaining': '0',
      'x-key-id': sandbox.frameflow.firstKey.id,
    });
    expect(refused.json.error).toMatchObject({ code: 'rate_limited' });
    advance(30 * SECOND);
    expect((await search()).status).toBe(200);
  });

  test('counts each key by itself', async () => {
    const { search, rotate } = await world({ tier: { requestsPerMinute: 1 } });
    const minted = await rotate();
    expect((await search()).status).toBe(429);
    expect((await search(field(minted, 'key'))).status).toBe(200);
  });
});

describe('the plaintext port', () => {
  test('refuses everything with 403 and writes it into the log', async () => {
    const { sandbox, call, readLog } = await world();
    const { plaintextUrl, firstKey } = sandbox.frameflow;
    const bare = await call(`${plaintextUrl}/v1/assets/search`);
    const keyed = await call(`${plaintextUrl}/v1/auth/rotate`, { method: 'POST', key: firstKey.value });
    expect([bare.status, keyed.status]).toEqual([403, 403]);
    expect(keyed.json.error).toMatchObject({ code: 'tls_required' });
    expect(sandbox.frameflow.keys()).toHaveLength(1);
    expect(eventsOf(await readLog())).toMatchObject([
      { path: '/v1/assets/search', status: 403, key_id: null, type: 'plaintext_attempt' },
      { path: '/v1/auth/rotate', status: 403, key_id: firstKey.id, type: 'plaintext_attempt' },
    ]);
  });

  test('does not spend faults meant for the API', async () => {
    const { sandbox, call, search } = await world();
    sandbox.admin.setFault({ service: 'frameflow', fault: { kind: 'status', status: 503 } });
    expect((await call(`${sandbox.frameflow.plaintextUrl}/`)).status).toBe(403);
    expect((await search()).status).toBe(503);
  });
});

test('the overlap can be set', async () => {
  const { rotate, search, advance } = await world({ overlapMs: HOUR });
  await rotate();
  advance(HOUR - 1);
  expect((await search()).status).toBe(200);
  advance(1);
  expect((await search()).status).toBe(401);
});
