import type { RequestListener } from 'node:http';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ca, closeNets, failed, net, SECRET } from './testing/failures.ts';
import { serve } from './testing/index.ts';

closeNets();

const secureServer = async (handler: RequestListener) => serve(handler, { tls: await ca.issue() });

describe('the cap', () => {
  const ZEROS = Buffer.alloc(128 * 1024 * 1024);
  const endless: RequestListener = (_request, response) => {
    const pour = () => {
      while (response.write(Buffer.alloc(16_384))) if (response.destroyed) return;
    };
    response.writeHead(200).on('drain', pour);
    pour();
  };

  it('ends an endless answer, and one that announces too much', async () => {
    await using server = await secureServer(endless);
    expect(await failed(net().request({ method: 'GET', url: server.url }))).toBe('too_large unknown');
    await using honest = await secureServer((_request, response) => {
      response.writeHead(200, { 'content-length': 65_537 }).flushHeaders();
    });
    expect(await failed(net().request({ method: 'GET', url: honest.url }))).toBe('too_large unknown');
  });

  it('lets through exactly as much as is allowed', async () => {
    await using server = await secureServer((_request, response) => response.end(Buffer.alloc(1_000)));
    const over = net();
    const { body } = await over.request({ method: 'GET', url: server.url, maxBytes: 1_000 });
    expect(body.length).toBe(1_000);
    const call = over.request({ method: 'GET', url: server.url, maxBytes: 999 });
    expect(await failed(call)).toBe('too_large unknown');
  });

  it.each([
    ['gzip', gzipSync(ZEROS)],
    ['br', brotliCompressSync(ZEROS, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ] as const)('stops a %s bomb before it fills the memory', async (encoding, bomb) => {
    await using server = await secureServer((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(bomb);
    });
    const over = net();
    const before = process.memoryUsage().rss;
    expect(await failed(over.request({ method: 'GET', url: server.url }))).toBe('too_large unknown');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([
    ['gzip', Buffer.from(SECRET)],
    ['gzip', gzipSync('cut short by some bytes').subarray(0, 25)],
    ['zstd', Buffer.from('anything')],
    ['gzip, gzip', Buffer.from('anything')],
  ])('and a body that is not what it says (%s) is no answer', async (encoding, bytes) => {
    await using server = await secureServer((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes);
    });
    expect(await failed(net().request({ method: 'GET', url: server.url }))).toBe('undecodable unknown');
  });
});
