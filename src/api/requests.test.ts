import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Call, call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

let w: World;
beforeAll(async () => {
  w = await world({ api: 'listen: 127.0.0.1:0\n  publicUrl: https://Keywarden.example.com/kw/' });
});
afterAll(() => w[Symbol.asyncDispose]());

const ask = (path: string, options?: Call) => call(w.api.address, path, { token: 'admin', ...options });
const plan = (options: Call) => ask('/v1/credentials/mine/rotate', { method: 'POST', ...options });

test('every answer forbids caching and guessing of types', async () => {
  const { headers } = await ask('/v1/credentials');
  expect(headers).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-type': 'application/json',
  });
});

test.each([
  '/',
  '/v1',
  '/v1/credentials/',
  '/v1/credentials//secret',
  '/V1/credentials',
  '/v1/secrets',
  '/%zz',
])('%s is nothing, and the problem says where to look', async (path) => {
  const { status, json, headers } = await ask(path);
  expect(status).toBe(404);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(json).toEqual({
    type: 'urn:keywarden:problem:not-found',
    title: 'not found',
    status: 404,
    detail: `there is nothing at ${path}; see GET /openapi.json`,
  });
});

test('a wrong method is told which ones there are', async () => {
  const answer = await ask('/v1/credentials/mine', { method: 'DELETE' });
  expect(answer.status).toBe(405);
  expect(answer.headers.allow).toBe('GET, HEAD');
  expect(answer.json).toMatchObject({ type: 'urn:keywarden:problem:method-not-allowed' });
  expect((await ask('/v1/credentials/mine/rotate')).headers.allow).toBe('POST');
});

test('HEAD is GET without the body', async () => {
  const [head, get] = await Promise.all([ask('/v1/channels', { method: 'HEAD' }), ask('/v1/channels')]);
  expect(head.status).toBe(200);
  expect(head.text).toBe('');
  expect(head.headers['content-length']).toBe(String(Buffer.byteLength(get.text)));
  expect((await ask('/v1/nothing', { method: 'HEAD' })).status).toBe(404);
});

test('a mistyped name is answered with the nearest', async () => {
  const { status, json } = await ask('/v1/credentials/mime');
  expect(status).toBe(404);
  expect(json.detail).toBe('no credential is configured under the name "mime"; did you mean mine?');
  expect((await ask('/v1/credentials/constructor')).status).toBe(404);
  expect((await ask('/v1/credentials/__proto__')).status).toBe(404);
});

test('a body over 64 KB is refused, whether its length is told or not', async () => {
  const body = JSON.stringify({ reason: 'x'.repeat(64 * 1024) });
  const told = await plan({ body });
  expect(told.status).toBe(413);
  expect(told.json).toMatchObject({ type: 'urn:keywarden:problem:too-large' });
  const chunked = await plan({ body, headers: { 'transfer-encoding': 'chunked' } });
  expect(chunked.status).toBe(413);
  expect((await plan({ body: `{"reason":"${'x'.repeat(400)}","dryRun":true}` })).status).toBe(200);
});

test.each([
  ['text/plain', 'text/plain', undefined],
  ['a form', 'application/x-www-form-urlencoded', undefined],
  ['JSON of another meaning', 'application/json-patch+json', undefined],
  ['packed JSON', 'application/json', 'gzip'],
])('%s is refused with 415', async (_what, type, encoding) => {
  const headers = {
    'content-type': type,
    ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
  };
  const answer = await plan({ body: '{"dryRun":true}', headers });
  expect(answer.status).toBe(415);
  expect(answer.json).toMatchObject({ type: 'urn:keywarden:problem:unsupported-media-type' });
});

test('JSON with a character set, and JSON without a type, are taken', async () => {
  const headers = { 'content-type': 'application/json ; charset=utf-8' };
  expect((await plan({ body: { dryRun: true }, headers })).status).toBe(200);
  expect((await plan({ body: { dryRun: true } })).status).toBe(200);
});

test.each([
  ['{', 'the body is not valid JSON in UTF-8'],
  ['[]', 'the body must be a JSON object'],
  ['null', 'the body must be a JSON object'],
  ['{"dryrun":true}', 'unknown member "dryrun"; did you mean dryRun?'],
  ['{"dryRun":"yes"}', 'dryRun must be true or false'],
  ['{"reason":5}', 'reason must be text of at most 500 characters'],
])('the body %s is refused in words', async (body, detail) => {
  const answer = await plan({ body });
  expect(answer.status).toBe(400);
  expect(answer.json).toMatchObject({ type: 'urn:keywarden:problem:bad-request', detail });
});

test('bytes that are no UTF-8 are refused', async () => {
  expect((await plan({ body: Buffer.from([0x7b, 0xff, 0x7d]) })).status).toBe(400);
});

test.each([
  ['/v1/alerts?state=lost', 'state must be one of triggered, acknowledged, resolved, open'],
  ['/v1/alerts?limit=0', 'limit must be 1 to 500'],
  ['/v1/rotations?limit=1e9', 'limit must be 1 to 500'],
  ['/v1/rotations?cursor=made-up', 'the cursor is not one of ours; start again without it'],
  ['/v1/audit?cursor=x', 'the cursor is not one of ours; start again without it'],
  ['/v1/credentials/mine/secret?wait=2h', 'wait must be a duration of at most 60s'],
  ['/v1/credentials/mine/secret?wait=soon', 'wait must be a duration of at most 60s'],
])('%s is refused in words', async (path, detail) => {
  const { status, json } = await ask(path);
  expect(status).toBe(400);
  expect(json.detail).toBe(detail);
});

test.each(['evil.example', 'evil.example:7300', 'localhost.evil.example', '10.0.0.1', '[::2]', 'a b'])(
  'the Host header %s is refused, and nothing is told',
  async (host) => {
    const answer = await ask('/v1/credentials', { headers: { host } });
    expect(answer.status).toBe(421);
    expect(answer.json).toMatchObject({ type: 'urn:keywarden:problem:wrong-host' });
  },
);

test.each([
  '127.0.0.1',
  'localhost:9999',
  '[::1]:7300',
  'keywarden.example.com',
  'KEYWARDEN.example.com:443',
])('the Host header %s is the listener’s or publicUrl’s', async (host) => {
  expect((await ask('/v1/credentials', { headers: { host } })).status).toBe(200);
});

test('a proxy may pass on the path of publicUrl', async () => {
  expect((await ask('/kw/v1/credentials')).status).toBe(200);
  expect((await ask('/kwv1/credentials')).status).toBe(404);
});

test('a client that leaves in the middle of its request is not worth a line in the log', async () => {
  const before = w.lines.length;
  const socket = connect(Number(new URL(w.api.address).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST /v1/credentials/mine/rotate HTTP/1.1\r\nHost: localhost\r\n');
  socket.write('Authorization: Bearer admin-token-R7dGm2XqLw\r\nContent-Length: 100\r\n\r\n{"rea');
  // The server has read the head once it answers another request on the same loop.
  await ask('/healthz');
  socket.destroy();
  await once(socket, 'close');
  await ask('/healthz');
  expect(w.lines.slice(before).filter((line) => line.includes('a request failed'))).toEqual([]);
});
