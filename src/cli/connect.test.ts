import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Authority, makeCa } from '../net/testing/index.ts';
import { cli } from './testing/cli.ts';

const TOKEN = 'reader-token-K3vTq8';
let directory: string;
let authority: Authority;
const closing: Array<() => void> = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kw-'));
  authority = await makeCa();
  await writeFile(join(directory, 'ca.pem'), authority.pem);
});
afterAll(async () => {
  for (const close of closing) close();
  await rm(directory, { recursive: true });
});

/** What an API without alerts says. */
const quiet: RequestListener = (request, response) => {
  const allowed = request.headers.authorization === `Bearer ${TOKEN}`;
  response.writeHead(allowed ? 200 : 401, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ alerts: [], nextCursor: null }));
};

/** The port of a server with a certificate for `names`; without names it speaks plain http. */
async function serve(listener: RequestListener, names?: readonly string[]): Promise<number> {
  const issued = names === undefined ? null : await authority.issue({ names });
  const server =
    issued === null
      ? process.getBuiltinModule('node:http').createServer(listener)
      : process.getBuiltinModule('node:https').createServer(issued, listener);
  if (issued !== null) await writeFile(join(directory, 'tls.crt'), issued.cert);
  if (issued !== null) await writeFile(join(directory, 'tls.key'), issued.key, { mode: 0o600 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const list = (url: string, ...more: string[]) =>
  cli(['alerts', 'list', '--url', url, ...more], { env: { KEYWARDEN_TOKEN: TOKEN } });

test('a certificate is checked against --ca-file, and for its name', async () => {
  const ca = ['--ca-file', join(directory, 'ca.pem')];
  const [own, foreign] = [await serve(quiet, ['127.0.0.1']), await serve(quiet, ['keywarden.example.com'])];
  const [fine, untrusted, misnamed] = await Promise.all([
    list(`https://127.0.0.1:${own}`, ...ca),
    list(`https://127.0.0.1:${own}`),
    list(`https://127.0.0.1:${foreign}`, ...ca),
  ]);
  expect(fine).toMatchObject({ code: 0, stdout: 'No open alerts.\n' });
  expect(untrusted.code).toBe(3);
  expect(untrusted.stderr).toContain('its certificate is not trusted; give its authority with --ca-file');
  expect(misnamed.code).toBe(3);
  expect(misnamed.stderr).toContain('its certificate is for another name');
});

test('the certificate that the configuration names is known to the letter, whatever name it was made for', async () => {
  const port = await serve(quiet, ['keywarden.example.com']);
  const config = join(directory, 'keywarden.yaml');
  const text = `version: 1
installation: { name: test, environment: tls }
state: { directory: ./state, encryptionKeys: [{ env: NONE }] }
api:
  listen: 127.0.0.1:${port}
  tls: { certFile: ./tls.crt, keyFile: ./tls.key }
  tokens: { board: { role: reader, secret: { env: BOARD } } }
`;
  await writeFile(config, text);
  const env = { BOARD: TOKEN };
  expect(await cli(['alerts', 'list', '--config', config], { env })).toMatchObject({ code: 0, stderr: '' });
  // Another certificate of the same authority is not that one.
  const { cert } = await authority.issue({ names: ['keywarden.example.com'] });
  await writeFile(join(directory, 'tls.crt'), cert);
  expect(await cli(['alerts', 'list', '--config', config], { env })).toMatchObject({ code: 3 });
});

test('what is no Keywarden is told, and a token is not sent in the clear to other machines', async () => {
  const page = await serve((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('hi'),
  );
  const [stranger, tls, clear] = await Promise.all([
    list(`http://127.0.0.1:${page}`),
    list(`https://127.0.0.1:${page}`),
    list('http://keywarden.example.com:7300'),
  ]);
  expect(stranger).toMatchObject({ code: 3, stdout: '' });
  expect(stranger.stderr).toContain('is no Keywarden (HTTP 200, not JSON)');
  expect(tls.code).toBe(3);
  expect(clear.code).toBe(2);
  expect(clear.stderr).toContain('the token would be readable on the way');
});

test('a failure of the daemon itself exits with 1, and no control character of its answer comes through', async () => {
  const port = await serve((_request, response) => {
    response.writeHead(500, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ status: 500, detail: 'broken \u001b[2J' }));
  });
  const { code, stderr } = await list(`http://127.0.0.1:${port}`);
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: broken \\u001b[2J\n' });
});
