import { X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { type Sandbox, startSandbox } from './index.ts';
import { send, world } from './testing/world.ts';
import { makeTls } from './tls.ts';

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
  expect(new X509Certificate(makeTls().cert).checkIP('::1')).toBe('::1');
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
