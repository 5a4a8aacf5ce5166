import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

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
  expect(headers.etag).toBe(`"${json.id}"`);
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
