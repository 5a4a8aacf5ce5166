import { describe, expect, it } from 'vitest';
import { ca, closeNets, failed, net } from './testing/failures.ts';
import { makeCa, serve } from './testing/index.ts';
import { echo } from './testing/peers.ts';

closeNets();

const over = () => net({ frugal: true });

describe('a frugal connection', () => {
  it('sends and receives as any other', async () => {
    await using server = await serve(
      (request, response) => {
        response.writeHead(201, { 'X-Twice': ['a', 'b'], etag: '"1"' });
        echo(request, response);
      },
      { tls: await ca.issue() },
    );
    const url = `${server.url}/v1/thing?q=1`;
    const answer = await over().request({ method: 'PUT', url, headers: { 'X-Id': '42' }, body: 'hällo' });
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ 'x-twice': 'a, b', etag: '"1"' });
    expect(answer.body.toString()).toBe('PUT /v1/thing?q=1 hällo');
  });

  it('reuses a connection, and one that the server has closed while idle costs nothing', async () => {
    await using server = await serve(echo, { tls: await ca.issue() });
    const own = over();
    const get = () => own.request({ method: 'GET', url: `${server.url}/a` });
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
    await using server = await serve((_request, response) => {
      waiting.push(() => response.end());
      if (waiting.length === 8) for (const release of waiting.splice(0)) release();
    });
    const own = net({ frugal: true, allowPlaintextLoopback: true });
    await Promise.all(Array.from({ length: 16 }, () => own.request({ method: 'GET', url: server.url })));
    expect(server.connections()).toBe(8);
  });

  it('tells a stranger nothing', async () => {
    let asked = 0;
    const stranger = await makeCa();
    await using server = await serve(
      (_request, response) => {
        asked += 1;
        response.end();
      },
      { tls: await stranger.issue() },
    );
    expect(await failed(over().request({ method: 'GET', url: server.url }))).toBe('tls retryable');
    await using other = await serve(echo, { tls: await ca.issue({ names: ['elsewhere.example'] }) });
    expect(await failed(over().request({ method: 'GET', url: other.url }))).toBe('tls retryable');
    expect(asked).toBe(0);
  });

  it('ends with its deadline, its signal, and its closing', async () => {
    await using server = await serve(() => undefined, { tls: await ca.issue() });
    const { url } = server;
    expect(await failed(over().request({ method: 'GET', url, deadlineMs: 30 }))).toMatch(/^timeout /);
    const called = new AbortController();
    const off = over().request({ method: 'GET', url, signal: called.signal });
    called.abort();
    expect(await failed(off)).toMatch(/^aborted /);
    const own = over();
    await using closing = await serve(() => void own.close(), { tls: await ca.issue() });
    expect(await failed(own.request({ method: 'GET', url: closing.url }))).toBe('closed unknown');
  });

  it('names what was no HTTP', async () => {
    await using server = await serve((_request, response) => {
      response.socket?.end('SSH-2.0-OpenSSH\r\n\r\n');
    });
    const own = net({ frugal: true, allowPlaintextLoopback: true });
    expect(await failed(own.request({ method: 'GET', url: server.url }))).toBe('bad_response unknown');
    const odd = { method: 'GET', url: server.url, headers: { 'x-odd': 'line\nbreak' } } as const;
    expect(await failed(own.request(odd))).toBe('invalid_request permanent');
  });
});
