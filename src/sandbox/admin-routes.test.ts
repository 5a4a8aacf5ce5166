import { describe, expect, test } from 'vitest';
import { eventsOf, field, START, world } from './testing/world.ts';

describe('the admin routes', () => {
  test('set and clear faults', async () => {
    const { admin, search, sandbox } = await world();
    const rule = { service: 'frameflow', path: '/v1', times: 0, fault: { kind: 'status', status: 503 } };
    const set = await admin('POST', '/faults', rule);
    expect([set.status, set.json]).toEqual([201, { id: 'fault_1' }]);
    expect((await search()).status).toBe(503);
    expect(sandbox.admin.state().faults).toEqual([
      { id: 'fault_1', service: 'frameflow', kind: 'status', left: null },
    ]);
    expect((await admin('DELETE', '/faults')).status).toBe(200);
    expect((await search()).status).toBe(200);
  });

  test('play events into the log, well-formed or not', async () => {
    const { admin, readLog } = await world();
    const raw = { id: 7, time: null, note: '\u0000' };
    const events = [
      {
        time: '2026-09-30T12:00:00Z',
        ip: '192.0.2.4',
        status: 401,
        key_id: 'key_x',
        geo: { country: 'KP' },
        method: 'POST',
      },
      { ip: '198.51.100.4' },
      { raw },
    ];
    expect((await admin('POST', '/events', { events })).json).toEqual({ played: 3 });
    expect(eventsOf(await readLog())).toEqual([
      expect.objectContaining({
        time: '2026-09-30T12:00:00.000Z',
        ip: '192.0.2.4',
        status: 401,
        key_id: 'key_x',
        geo: { country: 'KP', city: null },
        method: 'POST',
      }),
      expect.objectContaining({
        time: new Date(START).toISOString(),
        key_id: null,
        status: 200,
        geo: expect.objectContaining({ country: 'US' }),
      }),
      raw,
    ]);
  });

  test('let events come once more', async () => {
    const { admin, readLog } = await world();
    await admin('POST', '/events', { events: [{ id: 'a' }, { id: 'b' }] });
    expect((await admin('POST', '/events', { repeat: 5 })).json).toEqual({ played: 2 });
    expect(eventsOf(await readLog()).map(({ id }) => id)).toEqual(['a', 'b', 'a', 'b']);
  });

  test('revoke FrameFlow keys', async () => {
    const { admin, search, sandbox } = await world();
    expect((await admin('POST', '/keys/key_none/revoke')).status).toBe(404);
    expect((await admin('POST', `/keys/${sandbox.frameflow.firstKey.id}/revoke`)).status).toBe(200);
    expect((await search()).status).toBe(401);
  });

  test('let somebody else rotate a key of ours', async () => {
    const { admin, search, readLog, rotate, sandbox, advance } = await world();
    const { id } = sandbox.frameflow.firstKey;
    advance(1_000);
    const from = { ip: '192.0.2.9', geo: { country: 'BR' }, user_agent: 'thief/1.0' };
    const minted = await admin('POST', `/keys/${id}/foreign-mint`, from);
    expect([minted.status, minted.json]).toEqual([
      201,
      expect.objectContaining({ state: 'active', mintedBy: id, createdAt: START + 1_000 }),
    ]);
    expect(eventsOf(await readLog('', field(minted, 'value')))).toEqual([
      expect.objectContaining({
        time: new Date(START + 1_000).toISOString(),
        key_id: id,
        ip: '192.0.2.9',
        geo: { country: 'BR', city: null },
        method: 'POST',
        path: '/v1/auth/rotate',
        status: 201,
        user_agent: 'thief/1.0',
        minted_key_id: field(minted, 'id'),
      }),
    ]);
    expect(sandbox.frameflow.keys()[0]).toMatchObject({ id, state: 'retiring' });
    expect((await search(field(minted, 'value'))).status).toBe(200);
    advance(1_000);
    expect((await rotate()).json.previous_key).toMatchObject({
      rotated_at: new Date(START + 1_000).toISOString(),
    });
  });

  test('tell of somebody else’s rotation late where it is to be so', async () => {
    const { admin, readLog, advance, sandbox } = await world();
    const minted = sandbox.admin.foreignMint(sandbox.frameflow.firstKey.id, { arrives_at: START + 60_000 });
    expect(eventsOf(await readLog())).toEqual([]);
    advance(60_000);
    const [event] = eventsOf(await readLog());
    expect(event).toMatchObject({
      time: new Date(START).toISOString(),
      minted_key_id: minted?.id,
      geo: { country: 'US' },
    });
    expect((await admin('POST', '/keys/key_none/foreign-mint')).status).toBe(404);
  });

  test('let nobody rotate a key that is no longer valid', async () => {
    const { admin, sandbox, readLog } = await world({
      firstKeys: [{ id: 'key_a' }, { id: 'key_b', value: 'ff_live_bbbbbbbbbbbbbbbb' }],
    });
    sandbox.admin.revokeKey('key_a');
    expect((await admin('POST', '/keys/key_a/foreign-mint')).status).toBe(400);
    expect((await admin('POST', '/keys/key_b/foreign-mint', { ip: 7 })).status).toBe(400);
    expect(sandbox.frameflow.keys()).toHaveLength(2);
    expect(eventsOf(await readLog('', 'ff_live_bbbbbbbbbbbbbbbb'))).toEqual([]);
  });

  test('make and revoke StockFlow keys', async () => {
    const { admin, sandbox, call } = await world();
    const made = await admin('POST', '/stockflow/keys', { kind: 'test', permissions: ['read_media'] });
    expect([made.status, field(made, 'value').slice(0, 8)]).toEqual([201, 'sk_test_']);
    const search = () =>
      call(`${sandbox.stockflow.url}/v2/search`, {
        method: 'POST',
        key: field(made, 'value'),
        body: { query: 'x' },
      });
    expect((await search()).status).toBe(200);
    expect((await admin('POST', `/stockflow/keys/${field(made, 'id')}/revoke`)).status).toBe(200);
    expect((await search()).status).toBe(401);
    expect((await admin('POST', '/stockflow/keys/sfk_none/revoke')).status).toBe(404);
  });

  test('change settings; a bad one changes nothing', async () => {
    const { admin, search, rotate, sandbox } = await world();
    expect((await admin('POST', '/settings', { tier: 'standard', idempotency: false })).status).toBe(200);
    expect((await search()).headers['x-ratelimit-limit']).toBe('120');
    expect((await admin('POST', '/settings', { stockflowTier: 'enterprise' })).status).toBe(200);
    expect((await admin('POST', '/settings', { stockflowTier: 'pro' })).status).toBe(400);
    expect(sandbox.stockflow.tier()).toBe('enterprise');
    const oauth = { consent: 'automatic' };
    const bad = await admin('POST', '/settings', { registeredNetworks: ['10.0.0.0/33'], tier: 'pro', oauth });
    expect(bad.status).toBe(400);
    expect(bad.json.error).toMatchObject({ message: expect.stringContaining('10.0.0.0/33') });
    expect((await search()).headers['x-ratelimit-limit']).toBe('120');
    const repeat = { headers: { 'idempotency-key': 'x' } };
    expect((await rotate(undefined, repeat)).json.key).not.toBe((await rotate(undefined, repeat)).json.key);
  });

  test('tell the state, without the keys’ values', async () => {
    const { admin, rotate, sandbox } = await world();
    const minted = await rotate();
    const state = await admin('GET', '/state');
    expect(state.json).toMatchObject({
      now: START,
      frameflow: { keys: [{ state: 'retiring' }, { id: minted.json.key_id, state: 'active' }], events: 1 },
      stockflow: { keys: [{ valid: true }], requests: 0 },
      slack: { messages: 0 },
      pagerduty: { events: 0, incidents: [] },
      faults: [],
    });
    for (const secret of [...sandbox.frameflow.keys().map((key) => key.value), sandbox.stockflow.key]) {
      expect(state.text).not.toContain(secret);
    }
  });

  test.each([
    ['POST', '/faults', { service: 'frameflow', fault: { kind: 'explode' } }, 400],
    ['POST', '/faults', { service: 'nobody', fault: { kind: 'garbage' } }, 400],
    ['POST', '/faults', '{', 400],
    ['POST', '/events', { events: [] }, 400],
    ['POST', '/events', { events: [{ time: 'noon' }] }, 400],
    ['POST', '/settings', { overlap: 1 }, 400],
    ['POST', '/settings', { oauth: { consent: 'always' } }, 400],
    [
      'POST',
      '/settings',
      { oauth: { clients: [{ clientId: 'a', secret: 'b', redirectUris: ['x#y'] }] } },
      400,
    ],
    ['GET', '/faults', undefined, 404],
    ['GET', '/', undefined, 404],
  ])('%s %s with %j gets %i', async (method, path, body, status) => {
    const { admin } = await world();
    expect((await admin(method, path, body)).status).toBe(status);
  });

  test('turn away web pages and names that merely resolve to loopback', async () => {
    const { admin } = await world();
    expect((await admin('GET', '/state', undefined, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await admin('GET', '/state', undefined, { host: 'evil.example' })).status).toBe(403);
    expect((await admin('GET', '/state', undefined, { host: 'localhost:1' })).status).toBe(200);
  });
});
