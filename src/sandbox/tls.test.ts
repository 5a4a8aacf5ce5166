import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { expect, test } from 'vitest';
import { type Sandbox, startSandbox } from './index.ts';
import { send, world } from './testing/world.ts';
import { makeAuthority, makeTls } from './tls.ts';

const services = ['frameflow', 'stockflow', 'slack', 'pagerduty'] as const;

function urlOf(sandbox: Sandbox, service: (typeof services)[number]): URL {
  return new URL(service === 'slack' ? sandbox.slack.webhookUrl : sandbox[service].url);
}

/** A TLS handshake at one version; gives the version agreed upon. */
function handshake(
  sandbox: Sandbox,
  url: URL,
  version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3',
  servername: string,
) {
  return new Promise<string | null>((resolve, reject) => {
    const socket: TLSSocket = connect({
      host: url.hostname,
      port: Number(url.port),
      ca: sandbox.ca,
      servername,
      minVersion: version,
      maxVersion: version,
      // Without it the client itself would refuse to offer TLS 1.1.
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    socket.once('secureConnect', () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test.each(services)(
  '%s speaks TLS 1.2 and 1.3 under the sandbox’s authority, and refuses 1.1',
  async (service) => {
    const { sandbox } = await world();
    const url = urlOf(sandbox, service);
    expect(await handshake(sandbox, url, 'TLSv1.2', 'localhost')).toBe('TLSv1.2');
    expect(await handshake(sandbox, url, 'TLSv1.3', 'localhost')).toBe('TLSv1.3');
    await expect(handshake(sandbox, url, 'TLSv1.1', 'localhost')).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
  },
);

test('the certificate holds for localhost, 127.0.0.1 and ::1, and for no other name', async () => {
  const { sandbox } = await world();
  const url = urlOf(sandbox, 'frameflow');
  expect(url.hostname).toBe('127.0.0.1');
  expect((await send(sandbox.ca, `https://localhost:${url.port}/`, {})).status).toBe(401);
  expect((await send(sandbox.ca, url.href, {})).status).toBe(401);
  expect(new X509Certificate((await makeTls()).cert).checkIP('::1')).toBe('::1');
  await expect(handshake(sandbox, url, 'TLSv1.3', 'api.frameflow.io')).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
});

test('every sandbox has an authority of its own, and a client without it turns away', async () => {
  const { sandbox } = await world();
  const other = await world();
  await expect(send(other.sandbox.ca, sandbox.frameflow.url, {})).rejects.toThrow(/certificate/);
});

test('a taken port is an error, and what was started by then is closed again', async () => {
  const { sandbox } = await world();
  const taken = Number(urlOf(sandbox, 'frameflow').port);
  const passing = await startSandbox();
  const free = Number(urlOf(passing, 'slack').port);
  await passing.close();
  const start = (stockflow: number) => startSandbox({ ports: { slack: free, stockflow } });
  await expect(start(taken)).rejects.toMatchObject({ code: 'EADDRINUSE', port: taken });
  const second = await start(0);
  expect(urlOf(second, 'slack').port).toBe(String(free));
  await second.close();
});

test('ports are as asked, and free again after closing', async () => {
  const first = await startSandbox();
  const port = Number(urlOf(first, 'slack').port);
  await first.close();
  const second = await startSandbox({ ports: { slack: port } });
  expect(urlOf(second, 'slack').port).toBe(String(port));
  await second.close();
});

const DAY = 86_400_000;

/** How many days from now the time of a certificate begins and ends. */
function daysOf(certificate: X509Certificate): number[] {
  const { validFromDate, validToDate } = certificate;
  return [validFromDate, validToDate].map((edge) => Math.round((edge.getTime() - Date.now()) / DAY));
}

test('the authority may sign certificates and nothing else, from yesterday on', async () => {
  const { pem } = await makeAuthority('Some CA');
  const certificate = new X509Certificate(pem);
  expect(certificate.subject).toBe('CN=Some CA');
  expect(certificate.ca).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  expect(daysOf(certificate)).toEqual([-1, 365]);
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  expect(new x509.X509Certificate(pem).getExtension(x509.KeyUsagesExtension)).toMatchObject({
    usages: keyCertSign | cRLSign,
    critical: true,
  });
});

test('what it issues is a server’s, bears its signature and comes with the key to it', async () => {
  const authority = await makeAuthority('Some CA');
  const { cert, key } = await authority.issue();
  const certificate = new X509Certificate(cert);
  const issuer = new X509Certificate(authority.pem);
  expect(certificate.checkIssued(issuer)).toBe(true);
  expect(certificate.verify(issuer.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.keyUsage).toEqual([x509.ExtendedKeyUsage.serverAuth]);
  expect(certificate.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  expect(daysOf(certificate)).toEqual([-1, 365]);
  expect(new x509.X509Certificate(cert).getExtension(x509.KeyUsagesExtension)).toMatchObject({
    usages: x509.KeyUsageFlags.digitalSignature,
    critical: true,
  });
});

test('a certificate names its key and the key that signed it', async () => {
  const authority = await makeAuthority('Some CA');
  const issuer = new x509.X509Certificate(authority.pem);
  const issued = new x509.X509Certificate((await authority.issue()).cert);
  const keyIdOf = (certificate: x509.X509Certificate) =>
    certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  expect(keyIdOf(issuer)).toMatch(/^[0-9a-f]{40}$/);
  expect(keyIdOf(issued)).toMatch(/^[0-9a-f]{40}$/);
  expect(keyIdOf(issued)).not.toBe(keyIdOf(issuer));
  expect(issued.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId).toBe(keyIdOf(issuer));
});

test('a certificate is issued for other names, or with its time behind it, where that is asked for', async () => {
  const authority = await makeAuthority('Some CA');
  const names = ['api.example.com', '192.0.2.7', '2001:db8::7'];
  const other = new X509Certificate((await authority.issue({ names })).cert);
  expect(other.subjectAltName).toBe(
    'DNS:api.example.com, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7',
  );
  expect(daysOf(new X509Certificate((await authority.issue({ expired: true })).cert))).toEqual([-2, -1]);
});

test('importing the sandbox does not load the certificate library', () => {
  const module = JSON.stringify(new URL('./index.ts', import.meta.url).href);
  const code = `await import(${module}); process.stdout.write(typeof Reflect.getMetadata);`;
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })).toBe(
    'undefined',
  );
});
