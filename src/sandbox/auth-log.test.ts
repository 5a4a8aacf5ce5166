import { describe, expect, test } from 'vitest';
import { AuthLog } from './auth-log.ts';
import { DAY, eventsOf, field, HOUR, SECOND, START, world } from './testing/world.ts';

const iso = (ms: number) => new Date(ms).toISOString();

describe('what the log tells of a request', () => {
  test('is all that the contract names', async () => {
    const { search, readLog, sandbox } = await world();
    await search(undefined, {
      headers: { 'x-sandbox-from': '198.51.100.7;US;New%20York;40.7;-74', 'user-agent': 'footage/1.2' },
    });
    expect(eventsOf(await readLog())).toEqual([
      {
        id: expect.stringMatching(/^evt_/),
        time: iso(START),
        key_id: sandbox.frameflow.firstKey.id,
        ip: '198.51.100.7',
        geo: { country: 'US', city: 'New York', latitude: 40.7, longitude: -74 },
        method: 'GET',
        path: '/v1/assets/search',
        status: 200,
        user_agent: 'footage/1.2',
        request_id: expect.stringMatching(/^req_/),
      },
    ]);
  });

  test('has a place from the built-in table where the caller names none', async () => {
    const { search, readLog } = await world();
    for (const ip of ['198.51.100.7', '2001:db8::1', '8.8.8.8', '1.2.3.4;FR']) {
      await search(undefined, { headers: { 'x-sandbox-from': ip } });
    }
    await search();
    expect(eventsOf(await readLog()).map(({ ip, geo }) => [ip, geo])).toEqual([
      ['198.51.100.7', { country: 'US', city: 'Ashburn', latitude: 39.04, longitude: -77.49 }],
      ['2001:db8::1', { country: 'DE', city: 'Berlin', latitude: 52.52, longitude: 13.4 }],
      ['8.8.8.8', null],
      ['1.2.3.4', { country: 'FR', city: null }],
      ['127.0.0.1', expect.objectContaining({ country: 'DE' })],
    ]);
  });

  test('names an expired key, and none where the key does not exist', async () => {
    const { sandbox, search, rotate, advance, readLog } = await world();
    const next = field(await rotate(), 'key');
    advance(72 * HOUR);
    await search();
    await search('ff_live_unknownunknown00');
    const failures = eventsOf(await readLog('', next)).slice(1);
    expect(failures.map(({ status, key_id }) => [status, key_id])).toEqual([
      [401, sandbox.frameflow.firstKey.id],
      [401, null],
    ]);
  });

  test('bears the minted key on a rotation, with the request id of its answer; on a replay too', async () => {
    const { rotate, readLog } = await world();
    const request = { headers: { 'idempotency-key': 'mint-1' } };
    const minted = await rotate(undefined, request);
    await rotate(undefined, request);
    await rotate(undefined, { body: { reason: 'because' } });
    const [first, replay, refused] = eventsOf(await readLog());
    const expected = { status: 201, minted_key_id: minted.json.key_id, request_id: minted.json.request_id };
    expect(first).toMatchObject(expected);
    expect(replay).toMatchObject(expected);
    expect(replay?.id).not.toBe(first?.id);
    expect(refused).toMatchObject({ status: 400 });
    expect(refused).not.toHaveProperty('minted_key_id');
  });

  test('does not include reads of the log, be they answered or refused', async () => {
    const { readLog, search, advance } = await world({ tier: { requestsPerMinute: 2 } });
    await readLog();
    await readLog('', 'ff_live_unknownunknown00');
    await readLog('?cursor=nonsense');
    expect((await readLog()).status).toBe(429);
    advance(60 * SECOND);
    await search();
    expect(eventsOf(await readLog()).map(({ path }) => path)).toEqual(['/v1/assets/search']);
  });
});

describe('reading', () => {
  test('goes by pages, oldest first, and on from the last cursor when more has come', async () => {
    const { sandbox, readLog } = await world();
    sandbox.admin.playEvents(Array.from({ length: 5 }, (_, i) => ({ id: `e${i}` })));
    const ids = (answer: Awaited<ReturnType<typeof readLog>>) => eventsOf(answer).map(({ id }) => id);

    const first = await readLog('?limit=2');
    expect([ids(first), first.json.has_more]).toEqual([['e0', 'e1'], true]);
    const second = await readLog(`?limit=2&cursor=${field(first, 'next_cursor')}`);
    const third = await readLog(`?limit=2&cursor=${field(second, 'next_cursor')}`);
    expect([ids(second), ids(third), third.json.has_more]).toEqual([['e2', 'e3'], ['e4'], false]);
    const empty = await readLog(`?cursor=${field(third, 'next_cursor')}`);
    expect([ids(empty), empty.json.has_more]).toEqual([[], false]);
    sandbox.admin.playEvents([{ id: 'e5' }]);
    expect(ids(await readLog(`?cursor=${field(empty, 'next_cursor')}`))).toEqual(['e5']);
  });

  test('a page holds 100 events unless told, and at most 1000', async () => {
    const { sandbox, readLog } = await world();
    sandbox.admin.playEvents(Array.from({ length: 1001 }, () => ({})));
    expect(eventsOf(await readLog())).toHaveLength(100);
    expect(eventsOf(await readLog('?limit=1000'))).toHaveLength(1000);
  });

  test.each(['limit=0', 'limit=1001', 'limit=ten', 'since=yesterday', 'since=2026-10-01'])(
    'with %s gets 400',
    async (query) => {
      const { readLog } = await world();
      expect((await readLog(`?${query}`)).status).toBe(400);
    },
  );

  test('by since is by time and inclusive, and does not count beside a cursor', async () => {
    const { sandbox, readLog } = await world();
    sandbox.admin.playEvents([
      { id: 'old', time: START - 2 * HOUR },
      { id: 'edge', time: START - HOUR },
      { id: 'new', time: START },
    ]);
    const since = encodeURIComponent(iso(START - HOUR));
    const page = await readLog(`?since=${since}&limit=1`);
    expect(eventsOf(page).map(({ id }) => id)).toEqual(['edge']);
    const all = await readLog('?limit=1');
    const rest = await readLog(
      `?cursor=${field(all, 'next_cursor')}&since=${encodeURIComponent(iso(START))}`,
    );
    expect(eventsOf(rest).map(({ id }) => id)).toEqual(['edge', 'new']);
  });

  test('late events stand where they arrived, so that times run backwards', async () => {
    const { sandbox, readLog, advance } = await world();
    sandbox.admin.playEvents([
      { id: 'late', time: iso(START), arrives_at: iso(START + 300 * SECOND) },
      { id: 'prompt', time: START + 10 * SECOND },
    ]);
    expect(eventsOf(await readLog()).map(({ id }) => id)).toEqual(['prompt']);
    advance(300 * SECOND);
    expect(eventsOf(await readLog()).map(({ id }) => id)).toEqual(['prompt', 'late']);
  });

  test('repeats come with the id they had', async () => {
    const { sandbox, readLog } = await world();
    sandbox.admin.playEvents([{ id: 'e0' }, { id: 'e1' }, { id: 'e2' }]);
    const cursor = field(await readLog(), 'next_cursor');
    expect(sandbox.admin.repeatEvents(2)).toBe(2);
    expect(eventsOf(await readLog(`?cursor=${cursor}`)).map(({ id }) => id)).toEqual(['e1', 'e2']);
  });
});

describe('a cursor', () => {
  test('belongs to the account, not to the key', async () => {
    const { sandbox, readLog, rotate } = await world();
    sandbox.admin.playEvents([{ id: 'e0' }]);
    const cursor = field(await readLog(), 'next_cursor');
    const next = field(await rotate(), 'key');
    expect(eventsOf(await readLog(`?cursor=${cursor}`, next))).toMatchObject([{ path: '/v1/auth/rotate' }]);
  });

  test('lives 7 days, then gets 410', async () => {
    const { readLog, advance } = await world();
    const cursor = field(await readLog(), 'next_cursor');
    advance(7 * DAY - 1);
    expect((await readLog(`?cursor=${cursor}`)).status).toBe(200);
    advance(1);
    const expired = await readLog(`?cursor=${cursor}`);
    expect(expired.status).toBe(410);
    expect(expired.json.error).toMatchObject({ code: 'cursor_expired' });
  });

  test('that is made up, changed or of another account gets 410', async () => {
    const { readLog } = await world();
    const other = await world();
    const cursor = field(await readLog(), 'next_cursor');
    const foreign = field(await other.readLog(), 'next_cursor');
    const changed = Buffer.from(cursor, 'base64url').toString().replace(/^0/, '1');
    for (const wrong of ['nonsense', '', foreign, Buffer.from(changed).toString('base64url')]) {
      expect((await readLog(`?cursor=${wrong}`)).status).toBe(410);
    }
  });

  test('to what was dropped is unknown; the log keeps only so many', () => {
    const log = new AuthLog(20);
    const before = log.page({ cursor: null, since: null, limit: 1 }, 0);
    for (let i = 0; i < 21; i += 1) log.append({ time: i, event: i });
    expect(log.all(0)).toEqual(Array.from({ length: 19 }, (_, i) => i + 2));
    expect(log.page({ cursor: before?.next_cursor ?? '', since: null, limit: 1 }, 0)).toBeNull();
    expect(log.page({ cursor: null, since: null, limit: 1 }, 0)).toMatchObject({
      events: [2],
      has_more: true,
    });
  });
});
