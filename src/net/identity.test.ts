import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { EdgeError, Secret } from '../model/index.ts';
import { ca, closeNets, failed, net } from './testing/failures.ts';
import { makeCa, serve } from './testing/index.ts';
import { echo } from './testing/peers.ts';

closeNets();

/** Tells the SHA-256 of the certificate that its client shows. */
async function inquisitive() {
  const options = { ...(await ca.issue()), requestCert: true, rejectUnauthorized: false };
  return serve(
    (request, response) => {
      response.end((request.socket as TLSSocket).getPeerCertificate().fingerprint256 ?? 'nobody');
    },
    { tls: options },
  );
}

describe('an identity that was read later', () => {
  it('trusts the CA that it names in place of the roots, and leaves the first connection as it was', async () => {
    await using server = await serve(echo, { tls: await ca.issue() });
    const plain = net({}, null);
    const named = plain.as({ ca: ca.pem });
    try {
      expect((await named.request({ method: 'GET', url: server.url })).status).toBe(200);
      expect(named.trust.ca?.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
      expect(await failed(plain.request({ method: 'GET', url: server.url }))).toBe('tls retryable');
    } finally {
      await named.close();
    }
  });

  it('keeps the configured CA beside the one that it names', async () => {
    await using server = await serve(echo, { tls: await ca.issue() });
    const named = net().as({ ca: (await makeCa('Other')).pem });
    try {
      expect((await named.request({ method: 'GET', url: server.url })).status).toBe(200);
    } finally {
      await named.close();
    }
  });

  it('shows its certificate to a service that asks', async () => {
    await using server = await inquisitive();
    const { cert, key } = await ca.issue();
    const named = net().as({ client: { certificate: cert, key: Secret.from(key) } });
    try {
      const ask = { method: 'GET', url: server.url } as const;
      expect((await named.request(ask)).body.toString()).toBe(new X509Certificate(cert).fingerprint256);
      expect((await net().request(ask)).body.toString()).toBe('nobody');
    } finally {
      await named.close();
    }
  });

  it.each([
    ['ca_file', { ca: 'no certificate' }],
    ['client_certificate', { client: { certificate: 'x', key: Secret.from('y') } }],
  ])('that cannot be used is told at once: %s', (code, identity) => {
    const make = () => net().as(identity);
    expect(make).toThrow(EdgeError);
    expect(make).toThrow(expect.objectContaining({ code }));
  });
});
