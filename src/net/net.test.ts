import type { RequestListener } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ca, closeNets, failed, failure, net, SECRET } from './testing/failures.ts';
import { makeCa, serve } from './testing/index.ts';
import { echo, rawServer, tunnel } from './testing/peers.ts';

closeNets();

const secureServer = async (handler: RequestListener) => serve(handler, { tls: await ca.issue() });

describe('an exchange', () => {
  it('sends method, path, query, headers and body, and returns status, headers and bytes', async () => {
    await using server = await secureServer((request, response) => {
      response.writeHead(201, { 'X-Id': request.headers['x-id'], 'X-Twice': ['a', 'b'], 'Retry-After': '7' });
      echo(request, response);
    });
    const response = await net().request({
      method: 'POST',
      url: `${server.url}/v1/thing?q=1`,
      headers: { 'X-Id': '42' },
      body: 'hällo',
    });
    expect(response.status).toBe(201);
    expect(response.headers).toMatchObject({ 'x-id': '42', 'x-twice': 'a, b', 'retry-after': '7' });
    expect(response.body.toString()).toBe('POST /v1/thing?q=1 hällo');
  });

  it('keeps bytes as they are, both ways', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await using server = await secureServer((request, response) => request.pipe(response));
    const { body } = await net().request({ method: 'PUT', url: server.url, body: new Uint8Array(bytes) });
    expect(body.equals(bytes)).toBe(true);
  });

  it('returns error statuses and redirects as they are and follows nothing', async () => {
    let hits = 0;
    await using server = await secureServer((_request, response) => {
      hits += 1;
      response.writeHead(307, { location: '/elsewhere' }).end('moved');
    });
    const { status, headers } = await net().request({ method: 'POST', url: server.url, body: 'x' });
    expect([status, headers.location, hits]).toEqual([307, '/elsewhere', 1]);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
  ] as const)('decompresses %s', async (encoding, compress) => {
    const text = 'log line\n'.repeat(5_000);
    await using server = await secureServer((request, response) => {
      expect(request.headers['accept-encoding']).toContain(encoding);
      response.writeHead(200, { 'content-encoding': encoding }).end(compress(text));
    });
    const { body } = await net().request({ method: 'GET', url: server.url });
    expect(body.toString() === text).toBe(true);
  });

  it('reuses a connection, and a server that closed it while idle costs nothing', async () => {
    await using server = await secureServer(echo);
    const over = net();
    const get = () => over.request({ method: 'POST', url: `${server.url}/a`, body: 'b' });
    await get();
    await new Promise(setImmediate);
    await get();
    expect(server.connections()).toBe(1);
    for (let round = 0; round < 5; round += 1) {
      server.server.closeAllConnections();
      expect((await get()).status).toBe(200);
    }
  });

  it('opens at most eight connections to one service', async () => {
    const waiting: (() => void)[] = [];
    await using server = await secureServer((_request, response) => {
      waiting.push(() => response.end());
      if (waiting.length === 8) for (const release of waiting.splice(0)) release();
    });
    const over = net();
    await Promise.all(Array.from({ length: 16 }, () => over.request({ method: 'GET', url: server.url })));
    expect(server.connections()).toBe(8);
  });
});

describe('what may have been sent', () => {
  it('is a request whose connection is cut before or within the answer', async () => {
    await using before = await secureServer((request) => request.socket.destroy());
    expect(await failed(net().request({ method: 'POST', url: before.url, body: SECRET }))).toBe(
      'reset unknown',
    );
    await using within = await secureServer((request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => request.socket.destroy());
    });
    const error = await failure(within_(within.url));
    expect(error.failure).toMatchObject({ code: 'reset', verdict: 'unknown' });
    expect(error.message).toContain(`POST ${within.url}/v1/rotate was sent but`);
  });

  const within_ = (url: string) =>
    net().request({
      method: 'POST',
      url: `${url}/v1/rotate?token=${SECRET}`,
      headers: { authorization: SECRET },
      body: SECRET,
    });

  it('is a request that gets no whole answer in time, trickle or silence', async () => {
    await using silent = await secureServer(() => undefined);
    await using trickle = await secureServer((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const over = net({ timeoutMs: 1_000 });
    const outcomes = [
      failed(over.request({ method: 'GET', url: silent.url })),
      failed(over.request({ method: 'GET', url: trickle.url })),
      failed(over.fetch(silent.url)),
      failed(net({ timeoutMs: 60_000 }).request({ method: 'GET', url: silent.url, deadlineMs: 1_000 })),
    ];
    expect(await Promise.all(outcomes)).toEqual(Array(4).fill('timeout unknown'));
  });

  it('is not one that the deadline catches while it connects', async () => {
    await using mute = await rawServer(() => undefined);
    const call = net().request({ method: 'POST', url: mute.url, body: 'x', deadlineMs: 100 });
    expect(await failed(call)).toBe('timeout retryable');
  });

  it('is one that is called off or closed under way', async () => {
    const controller = new AbortController();
    await using server = await secureServer(() => controller.abort(new Error(SECRET)));
    const call = net().request({ method: 'POST', url: server.url, body: 'x', signal: controller.signal });
    expect(await failed(call)).toBe('aborted unknown');
    const over = net();
    await using closing = await secureServer(() => void over.close());
    expect(await failed(over.request({ method: 'POST', url: closing.url, body: 'x' }))).toBe(
      'closed unknown',
    );
  });

  it('is one whose answer is no HTTP', async () => {
    await using server = await rawServer((socket) =>
      socket.once('data', () => socket.end(`${SECRET}\r\n\r\n`)),
    );
    const url = server.url.replace('https:', 'http:');
    const call = net({ allowPlaintextLoopback: true }).request({ method: 'GET', url });
    expect(await failed(call)).toBe('bad_response unknown');
  });
});

describe('a proxy', () => {
  it('carries TLS through a tunnel, so that the service is checked end to end', async () => {
    await using server = await secureServer(echo);
    await using proxy = await tunnel(200);
    const { body } = await net({ proxy: proxy.url }).request({
      method: 'POST',
      url: `${server.url}/a`,
      body: 'b',
    });
    expect(body.toString()).toBe('POST /a b');
    expect(proxy.asked).toEqual([`localhost:${server.port}`]);
    const wrong = net({ proxy: proxy.url }, await makeCa('Other'));
    expect(await failed(wrong.request({ method: 'GET', url: server.url }))).toBe('tls retryable');
  });

  it('that breaks off is named, and nothing was sent', async () => {
    await using cutter = await rawServer((socket) => socket.once('data', () => socket.destroy()));
    const proxy = cutter.url.replace('https:', 'http:');
    const call = net({ proxy }).request({ method: 'POST', url: 'https://service.example/', body: SECRET });
    expect(await failed(call)).toBe('proxy retryable');
  });

  it('is never handed credentials that a caller put among the headers', async () => {
    await using proxy = await tunnel(200);
    const headers = { 'proxy-authorization': SECRET };
    const call = net({ proxy: proxy.url }).request({
      method: 'GET',
      url: 'https://service.example/',
      headers,
    });
    expect(await failed(call)).toBe('invalid_request permanent');
    expect(proxy.asked).toEqual([]);
  });

  it('is not asked for plain http, which is for this machine alone', async () => {
    await using server = await serve(echo);
    await using proxy = await tunnel(200);
    const over = net({ proxy: proxy.url, allowPlaintextLoopback: true });
    expect((await over.request({ method: 'GET', url: server.url })).status).toBe(200);
    expect(proxy.asked).toEqual([]);
  });

  it('that refuses is named, and nothing was sent', async () => {
    await using proxy = await tunnel(407);
    const call = net({ proxy: proxy.url }).request({
      method: 'POST',
      url: 'https://service.example/',
      body: SECRET,
    });
    expect(await failed(call)).toBe('proxy retryable');
  });
});
