import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ca, closeNets, failed, failure, net, SECRET } from './testing/failures.ts';
import { bodyOf, serve } from './testing/index.ts';

closeNets();

const secureServer = async (handler: RequestListener) => serve(handler, { tls: await ca.issue() });

describe('fetch', () => {
  it('gives a vendor client a standard Response', async () => {
    await using server = await secureServer((request, response) => {
      response.setHeader('content-encoding', 'gzip');
      void bodyOf(request).then((body) =>
        response.end(gzipSync(JSON.stringify({ body, type: request.headers['content-type'] }))),
      );
    });
    const response = await net().fetch(new URL(server.url), {
      method: 'POST',
      body: new URLSearchParams({ a: '1' }),
    });
    expect([response.ok, response.status, response.headers.get('content-encoding')]).toEqual([
      true,
      200,
      null,
    ]);
    expect(await response.json()).toEqual({
      body: 'a=1',
      type: 'application/x-www-form-urlencoded;charset=UTF-8',
    });
  });

  it('takes a status without a body, and Retry-After', async () => {
    await using server = await secureServer((_request, response) => {
      response.writeHead(204, { 'retry-after': '30' }).end();
    });
    const response = await net().fetch(server.url);
    expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([
      204,
      '30',
      '',
    ]);
  });

  it('throws at a redirect and never shows the path, which may be a secret', async () => {
    await using server = await secureServer((request, response) => {
      if (request.url?.endsWith('cut')) request.socket.destroy();
      else response.writeHead(302, { location: `https://elsewhere.example/${SECRET}` }).end();
    });
    const over = net();
    const error = await failure(over.fetch(`${server.url}/services/${SECRET}`));
    expect(error.failure).toMatchObject({ code: 'redirected', verdict: 'permanent' });
    expect(await failed(over.fetch(`${server.url}/${SECRET}/cut`))).toBe('reset unknown');
    expect(await failed(over.fetch(`not a url ${SECRET}`))).toBe('invalid_request permanent');
    expect((await over.fetch(server.url, { redirect: 'manual' })).status).toBe(302);
    const hidden = net({ secretPath: true });
    expect(await failed(hidden.request({ method: 'GET', url: `${server.url}/${SECRET}/cut` }))).toBe(
      'reset unknown',
    );
  });

  it('obeys its own signal, with that signal’s reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using server = await secureServer(() => controller.abort(reason));
    await expect(net().fetch(server.url, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('is under the same rules for addresses, plaintext and size', async () => {
    expect(await failed(net().fetch('https://169.254.169.254/'))).toBe('blocked_address permanent');
    expect(await failed(net().fetch('http://example.com/'))).toBe('plaintext_refused permanent');
    await using big = await secureServer((_request, response) => response.end(Buffer.alloc(3_000_000)));
    expect(await failed(net().fetch(big.url))).toBe('too_large unknown');
  });
});
