import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { call } from './testing/call.ts';
import { TOKENS, type World, world } from './testing/world.ts';

const PATIENCE = { timeout: 20_000, interval: 5 };

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());

const read = (query = '', etag?: string) =>
  call(w.api.address, `/v1/credentials/mine/secret${query}`, {
    token: 'app',
    ...(etag === undefined ? {} : { headers: { 'if-none-match': etag } }),
  });

test('the value comes with its version and an ETag', async () => {
  const { status, json, headers } = await read();
  const [first] = w.sandbox.frameflow.keys();
  expect(status).toBe(200);
  expect(json).toMatchObject({
    name: 'mine',
    version: 1,
    value: first?.value,
    keyId: first?.id,
    state: 'current',
  });
  expect(headers.etag).toBe(`"${json.id}.${json.version}"`);
});

test('who has it already is told so, in every form of the header', async () => {
  const { etag = '' } = (await read()).headers;
  for (const header of [etag, `W/${etag}`, `"other", ${etag}`]) {
    const answer = await read('', header);
    expect(answer.status).toBe(304);
    expect(answer.text).toBe('');
    expect(answer.headers.etag).toBe(etag);
    expect(answer.headers['content-length']).toBe(undefined);
  }
  expect((await read('', '"other"')).status).toBe(200);
});

test('wait holds until the time is up where nothing is new', async () => {
  const { etag = '' } = (await read()).headers;
  const started = performance.now();
  expect((await read('?wait=150ms', etag)).status).toBe(304);
  expect(performance.now() - started).toBeGreaterThan(140);
  expect((await read('?wait=30s', '"other"')).status).toBe(200);
});

test('wait ends with a new version, at once', async () => {
  const before = await read();
  const waiting = read('?wait=30s', before.headers.etag);
  const rotation = await call(w.api.address, '/v1/credentials/mine/rotate', {
    method: 'POST',
    token: 'operator',
  });
  expect(rotation.status).toBe(202);
  const after = await waiting;
  expect(after.status).toBe(200);
  expect(after.json).toMatchObject({ version: 2, value: w.sandbox.frameflow.keys().at(-1)?.value });
  expect(after.headers.etag).not.toBe(before.headers.etag);
});

test('without If-None-Match there is nothing to wait for', async () => {
  expect((await read('?wait=30s')).status).toBe(200);
});

test.each(['61s', '2m', '-1s', 'soon', '5'])('wait=%s is refused', async (wait) => {
  const { status, json } = await read(`?wait=${wait}`, '"other"');
  expect(status).toBe(400);
  expect(json.detail).toBe('wait must be a duration of at most 60s');
});

test('two hundred who wait get the new version together', async () => {
  const { headers } = await call(w.api.address, '/v1/credentials/other/secret', { token: 'admin' });
  const waiting = Array.from({ length: 200 }, () =>
    call(w.api.address, '/v1/credentials/other/secret?wait=60s', {
      token: 'admin',
      headers: { 'if-none-match': headers.etag ?? '' },
    }),
  );
  await vi.waitUntil(() => w.engine.values.waiting('other') === 200, PATIENCE);
  await call(w.api.address, '/v1/credentials/other/rotate', { method: 'POST', token: 'operator' });
  const answers = await Promise.all(waiting);
  expect(new Set(answers.map(({ status, json }) => `${status} ${json.version}`))).toEqual(new Set(['200 2']));
  expect(w.engine.values.waiting('other')).toBe(0);
});

test('a client that leaves frees its place', async () => {
  const { etag = '' } = (await read()).headers;
  const leaving = new AbortController();
  const gone = fetch(`${w.api.address}/v1/credentials/mine/secret?wait=60s`, {
    headers: { authorization: `Bearer ${TOKENS.app}`, 'if-none-match': etag },
    signal: leaving.signal,
  });
  await vi.waitUntil(() => w.engine.values.waiting('mine') === 1, PATIENCE);
  leaving.abort();
  await expect(gone).rejects.toThrow();
  await vi.waitUntil(() => w.engine.values.waiting('mine') === 0, PATIENCE);
});
