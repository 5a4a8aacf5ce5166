import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ca, closeNets, failed, failure, net, SECRET } from './testing/failures.ts';
import type { testNet } from './testing/index.ts';
import { serve } from './testing/index.ts';
import { echo, rawServer } from './testing/peers.ts';

closeNets();

const secureServer = async (handler: RequestListener) => serve(handler, { tls: await ca.issue() });

describe('what is never sent', () => {
  it('is plain http, save to loopback where that is allowed', async () => {
    await using server = await serve(echo);
    expect(await failed(net().request({ method: 'GET', url: server.url }))).toBe(
      'plaintext_refused permanent',
    );
    const lenient = net({ allowPlaintextLoopback: true });
    expect((await lenient.request({ method: 'GET', url: server.url })).status).toBe(200);
    const far = lenient.request({ method: 'GET', url: 'http://192.0.2.1/' });
    expect(await failed(far)).toBe('plaintext_refused permanent');
  });

  it.each([
    'https://169.254.169.254/latest',
    'https://[fe80::1]/',
    'https://[fd00:ec2::254]/',
    'https://[::ffff:169.254.169.254]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://100.100.100.200/',
    'https://0.0.0.0/',
    'https://[::]/',
    'https://2852039166/',
  ])('is a request to %s', async (url) => {
    const error = await failure(net().request({ method: 'GET', url }));
    expect(error.failure).toMatchObject({ code: 'blocked_address', verdict: 'permanent' });
    expect(error.message).toContain('network.allow');
  });

  it('is a request to a name with any refused address, unless name or address is allowed', async () => {
    const tls = await ca.issue({ names: ['meta.example'] });
    await using server = await serve(echo, { tls });
    let answers = [{ address: '127.0.0.1', family: 4 }];
    const resolve: NonNullable<Parameters<typeof testNet>[1]>['resolve'] = (_host, _options, callback) =>
      setImmediate(callback, null, answers);
    const url = `https://meta.example:${server.port}/`;
    expect((await net({ resolve }).request({ method: 'GET', url })).status).toBe(200);
    answers = [
      { address: '127.0.0.1', family: 4 },
      { address: '169.254.169.254', family: 4 },
    ];
    expect(await failed(net({ resolve }).request({ method: 'GET', url }))).toBe('blocked_address permanent');
    for (const allow of [['META.example'], ['169.254.169.254']]) {
      expect((await net({ resolve, allow }).request({ method: 'GET', url })).status).toBe(200);
    }
  });

  it('is anything once the name has no address, nobody listens, or the handshake is cut', async () => {
    const absent = net({
      resolve: (_host, _options, callback) => callback(Object.assign(new Error(), { code: 'ENOTFOUND' }), []),
    });
    expect(await failed(absent.request({ method: 'GET', url: 'https://absent.example' }))).toBe(
      'dns retryable',
    );
    const gone = await serve(echo);
    await gone.close();
    expect(await failed(net().request({ method: 'GET', url: `https://127.0.0.1:${gone.port}` }))).toBe(
      'connect retryable',
    );
    await using cutter = await rawServer((socket) => socket.once('data', () => socket.destroy()));
    expect(await failed(net().request({ method: 'POST', url: cutter.url, body: 'x' }))).toBe(
      'connect retryable',
    );
  });

  it('is a header that HTTP forbids, and the value is not told', async () => {
    await using server = await secureServer(echo);
    const headers = { authorization: `Bearer ${SECRET}\r\nx: y` };
    expect(await failed(net().request({ method: 'GET', url: server.url, headers }))).toBe(
      'invalid_request permanent',
    );
    expect(await failed(net().request({ method: 'GET', url: `https://u:${SECRET}@h/` }))).toBe(
      'invalid_request permanent',
    );
  });

  it('is a call whose signal was aborted, or over a closed connection', async () => {
    await using server = await secureServer(echo);
    const over = net();
    const call = over.request({ method: 'GET', url: server.url, signal: AbortSignal.abort() });
    expect(await failed(call)).toBe('aborted retryable');
    await over.close();
    expect(await failed(over.request({ method: 'GET', url: server.url }))).toBe('closed retryable');
    expect(server.connections()).toBe(0);
  });
});
