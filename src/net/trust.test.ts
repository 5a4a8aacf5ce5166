import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createNet } from './net.ts';
import { ca, closeNets, failed, failure, net } from './testing/failures.ts';
import { makeCa, serve } from './testing/index.ts';
import { echo } from './testing/peers.ts';

closeNets();

const secureServer = async (handler: RequestListener) => serve(handler, { tls: await ca.issue() });

describe('trust', () => {
  it('refuses a certificate of an unknown CA and says how to name one', async () => {
    await using server = await secureServer(echo);
    const error = await failure(net({}, await makeCa('Other')).request({ method: 'GET', url: server.url }));
    expect(error.failure).toMatchObject({ code: 'tls', verdict: 'retryable' });
    expect(error.message).toContain('tls.caFile');
    expect(await failed(net({}, null).request({ method: 'GET', url: server.url }))).toBe('tls retryable');
  });

  it('keeps checking certificates where NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    await using server = await secureServer(echo);
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(await failed(net({}, null).request({ method: 'GET', url: server.url }))).toBe('tls retryable');
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  it('refuses a certificate for another host name, and one outside its time', async () => {
    await using other = await serve(echo, { tls: await ca.issue({ names: ['other.example'] }) });
    const error = await failure(net().request({ method: 'GET', url: other.url }));
    expect(error.failure).toMatchObject({ code: 'tls', verdict: 'retryable' });
    expect(error.message).toContain('another host name');
    await using late = await serve(echo, { tls: await ca.issue({ expired: true }) });
    expect((await failure(net().request({ method: 'GET', url: late.url }))).message).toContain(
      'outside its time',
    );
  });

  it('cannot be led astray by a Host header', async () => {
    await using server = await serve(echo, { tls: await ca.issue({ names: ['other.example'] }) });
    const call = net().request({ method: 'GET', url: server.url, headers: { Host: 'other.example' } });
    expect(await failed(call)).toBe('invalid_request permanent');
  });

  it('refuses TLS 1.1, and a port that speaks no TLS', async () => {
    await using old = await serve(echo, { tls: { ...(await ca.issue()), maxVersion: 'TLSv1.1' } });
    const error = await failure(net().request({ method: 'GET', url: old.url }));
    expect(error.failure).toMatchObject({ code: 'tls', verdict: 'retryable' });
    expect(error.message).toContain('TLS 1.2');
    await using plain = await serve(echo);
    expect(await failed(net().request({ method: 'GET', url: plain.url.replace('http:', 'https:') }))).toBe(
      'tls retryable',
    );
  });

  it('accepts addresses as names of a certificate', async () => {
    await using server = await secureServer(echo);
    const url = `https://127.0.0.1:${server.port}`;
    expect((await net().request({ method: 'GET', url })).status).toBe(200);
  });

  it('hands out the CA together with the default roots, and nothing where no CA is configured', () => {
    expect(net().trust.ca).toContain(ca.pem.trim());
    expect(net().trust.ca?.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(50);
    expect(net({}, null).trust).toMatchObject({ rejectUnauthorized: true });
    expect(net({}, null).trust.ca).toBe(undefined);
  });

  it.each([
    ['/nonexistent/ca.pem', 'ENOENT'],
    [import.meta.filename, 'holds no certificate'],
  ])('names a CA file that cannot be used: %s', async (caFile, why) => {
    const make = async () => createNet({ caFile, timeoutMs: 1, allowPlaintextLoopback: false, allow: [] });
    const error = await failure(make());
    expect(error.failure).toMatchObject({ code: 'ca_file', verdict: 'permanent' });
    expect(error.message).toContain(why);
    expect(error.message).toContain(caFile);
  });
});
