import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

let w: World;
let first: number;
beforeAll(async () => {
  w = await world();
  const now = w.engine.context.clock.now();
  first = (await w.engine.context.state.audit({ limit: 1 })).items[0]?.number ?? 0;
  const append = (daysAgo: number, actor: string) => {
    const entry = {
      at: now - daysAgo * 86_400_000,
      actor,
      action: 'x.tested',
      credential: 'mine',
      detail: {},
    };
    return { type: 'audit.append', entry } as const;
  };
  await w.engine.submit([append(30, 'a'), append(20, 'b'), append(10, 'c'), append(0, 'a')]);
});
afterAll(() => w[Symbol.asyncDispose]());

type Entry = { readonly number: number; readonly actor: string; readonly hash: string };

const ask = (query: string) => call(w.api.address, `/v1/audit?action=x.tested&${query}`, { token: 'admin' });
async function actors(query: string): Promise<readonly string[]> {
  const { json } = await ask(query);
  return (json.entries as Entry[]).map(({ actor }) => actor);
}

test('entries bear their number and hash, and are listed newest first or oldest first, page by page', async () => {
  const { json } = await ask('limit=3');
  expect(json.entries).toMatchObject([
    { actor: 'a', credential: 'mine', detail: {}, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    { actor: 'c' },
    { actor: 'b', number: first + 2 },
  ]);
  const query = `limit=3&cursor=${json.nextCursor}`;
  expect(await actors(query)).toEqual(['a']);
  const oldest = await ask('order=oldest&limit=3');
  expect((oldest.json.entries as Entry[]).map(({ number }) => number - first)).toEqual([1, 2, 3]);
  expect(await actors(`order=oldest&limit=3&cursor=${oldest.json.nextCursor}`)).toEqual(['a']);
});

test('since and until take a time or a duration that counts back', async () => {
  expect(await actors('since=25d&until=5d')).toEqual(['c', 'b']);
  expect(await actors('since=25d&order=oldest&actor=a')).toEqual(['a']);
  const time = new Date(w.engine.context.clock.now() - 15 * 86_400_000).toISOString();
  expect(await actors(`until=${time}`)).toEqual(['b', 'a']);
});

test.each([
  ['since=yesterday', /^since must be a time with its zone such as/],
  ['until=', /^until must be/],
  ['order=up', /^order must be one of newest, oldest/],
])('%s is refused in words', async (query, detail) => {
  const { status, json } = await ask(query);
  expect(status).toBe(400);
  expect(json.detail).toMatch(detail);
});

test('the chain is looked through on demand; a log that is whole cannot be accepted', async () => {
  const post = (path: string, body?: object) =>
    call(w.api.address, path, { method: 'POST', token: 'admin', body });
  const verified = await post('/v1/audit/verify');
  const whole = { whole: true, breaks: 0, broken: [], lastWholeAt: expect.stringMatching(/Z$/) };
  expect(verified.json).toMatchObject({ ...whole, last: { hash: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  expect(verified.json.entries).toBe((verified.json.last as Entry).number);
  expect((await post('/v1/audit/accept', { reason: 'to be safe' })).json).toMatchObject(whole);
  expect(await post('/v1/audit/accept', { reason: ' ' })).toMatchObject({ status: 400 });
});
