import { once } from 'node:events';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeCa } from '../net/testing/index.ts';
import { call } from './testing/call.ts';
import { world } from './testing/world.ts';

/** A folder of its own, removed at the end; absolute paths in a configuration stay short enough for a socket. */
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kw-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test('the probes’ listener is open, by any name, and has nothing but the probes', async () => {
  await using w = await world({ api: 'listen: 127.0.0.1:0\n  probes: { listen: 127.0.0.1:0 }' });
  const probes = w.api.probesAddress ?? '';
  const headers = { host: '10.1.2.3:7301' };
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await call(probes, path, { headers })).status).toBe(200);
  }
  for (const path of ['/v1/credentials', '/openapi.json', '/v1/credentials/mine/secret']) {
    expect((await call(probes, path, { headers, token: 'admin' })).status).toBe(404);
  }
  expect((await call(w.api.address, '/metrics')).status).toBe(401);
});

test('before the loop has turned it is not ready, and says so to all but the probes of life', async () => {
  await using w = await world({ started: false });
  const ready = await call(w.api.address, '/readyz');
  expect(ready.status).toBe(503);
  expect(ready.json).toEqual({ status: 'not ready', faults: ['the loop has not turned yet'] });
  const early = await call(w.api.address, '/v1/credentials', { token: 'reader' });
  expect(early.status).toBe(503);
  expect(early.headers['retry-after']).toBe('1');
  expect(early.json).toMatchObject({ type: 'urn:keywarden:problem:starting' });
  await w.engine.start();
  await w.until(async () => (await call(w.api.address, '/readyz')).status === 200);
  expect((await call(w.api.address, '/v1/credentials', { token: 'reader' })).status).toBe(200);
});

test('a provider and channels that are down do not make it unready', async () => {
  await using w = await world();
  await w.sandbox.close();
  await w.engine.pollLogs();
  expect((await call(w.api.address, '/readyz')).status).toBe(200);
});

test('a unix socket has the mode that was asked for, and is gone after the end', async () => {
  const path = join(await folder(), 'api.sock');
  {
    await using w = await world({
      api: `listen: unix:${path}\n  mode: "0660"\n  gid: ${process.getgid?.() ?? 0}`,
    });
    expect(w.api.address).toBe(`unix:${path}`);
    const { mode, gid } = await stat(path);
    expect(mode & 0o777).toBe(0o660);
    expect(gid).toBe(process.getgid?.() ?? 0);
    expect((await call(w.api.address, '/v1/credentials', { token: 'reader' })).status).toBe(200);
    expect((await call(w.api.address, '/v1/credentials')).status).toBe(401);
  }
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('by default a unix socket is for its owner only', async () => {
  const path = join(await folder(), 'api.sock');
  await using _w = await world({ api: `listen: unix:${path}` });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a socket that a killed process left is replaced; one that somebody answers on is not', async () => {
  const path = join(await folder(), 'api.sock');
  const squatter = createServer().listen(path);
  await once(squatter, 'listening');
  await expect(world({ api: `listen: unix:${path}` })).rejects.toMatchObject({ code: 'port_taken' });
  expect((await stat(path)).isSocket()).toBe(true);
  squatter.close();
  await once(squatter, 'close');
  // What SIGKILL leaves: a socket that nobody listens on.
  const { spawn } = await import('node:child_process');
  const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', code]), 'exit');
  expect((await stat(path)).isSocket()).toBe(true);
  await using w = await world({ api: `listen: unix:${path}` });
  expect((await call(w.api.address, '/healthz')).status).toBe(200);
});

test('a plain file at the socket’s place stays, and is told', async () => {
  const path = join(await folder(), 'api.sock');
  await writeFile(path, 'somebody’s');
  await expect(world({ api: `listen: unix:${path}` })).rejects.toMatchObject({ code: 'port_taken' });
});

test('a port that is taken is told with what to do', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const { port } = squatter.address() as { port: number };
  await expect(world({ api: `listen: 127.0.0.1:${port}` })).rejects.toMatchObject({
    code: 'port_taken',
    message: `another process listens on 127.0.0.1:${port}; stop it, or change api.listen`,
  });
  squatter.close();
});

test('with a certificate it speaks TLS and nothing else', async () => {
  const directory = await folder();
  const authority = await makeCa();
  const { cert, key } = await authority.issue();
  await writeFile(join(directory, 'tls.crt'), cert);
  await writeFile(join(directory, 'tls.key'), key, { mode: 0o600 });
  const tls = `tls: { certFile: ${directory}/tls.crt, keyFile: ${directory}/tls.key }`;
  await using w = await world({ api: `listen: 127.0.0.1:0\n  ${tls}` });
  expect(w.api.address).toMatch(/^https:/);
  const answer = await call(w.api.address, '/v1/credentials', { token: 'reader', ca: authority.pem });
  expect(answer.status).toBe(200);
  await expect(call(w.api.address.replace('https:', 'http:'), '/healthz')).rejects.toThrow();
  await expect(call(w.api.address, '/healthz')).rejects.toMatchObject({
    code: expect.stringMatching(/CERT|UNABLE/),
  });
});

test('a certificate that cannot be used is a fault of the configuration, told with its files', async () => {
  const directory = await folder();
  await writeFile(join(directory, 'tls.crt'), 'no certificate');
  await writeFile(join(directory, 'tls.key'), 'no key', { mode: 0o600 });
  await chmod(directory, 0o700);
  const tls = `tls: { certFile: ${directory}/tls.crt, keyFile: ${directory}/tls.key }`;
  await expect(world({ api: `listen: 127.0.0.1:0\n  ${tls}` })).rejects.toMatchObject({
    code: 'tls_unusable',
  });
});
