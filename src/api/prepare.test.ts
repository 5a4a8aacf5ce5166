import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Commands } from '../engine/commands.ts';
import { makeCa } from '../net/testing/index.ts';
import { prepareApi } from './api.ts';
import { call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

/** A folder with a certificate in it, and the way to put another in its place. */
async function certified() {
  const directory = await mkdtemp(join(tmpdir(), 'kw-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const replace = async () => {
    const authority = await makeCa();
    const { cert, key } = await authority.issue();
    await writeFile(join(directory, 'tls.crt'), cert);
    await writeFile(join(directory, 'tls.key'), key, { mode: 0o600 });
    return authority.pem;
  };
  const tls = `tls: { certFile: ${directory}/tls.crt, keyFile: ${directory}/tls.key }`;
  return { directory, replace, api: `listen: 127.0.0.1:0\n  ${tls}` };
}

/** The same engine, by other rules. */
function prepare({ api, engine, grants }: World, rules: object = {}): () => void {
  const { config } = engine.context;
  return prepareApi(api, { engine, commands: new Commands(engine), grants }, { ...config.api, ...rules });
}

test('a certificate that was renewed holds for the next connection, at the same address', async () => {
  const { replace, api } = await certified();
  const former = await replace();
  await using w = await world({ api });
  const read = (ca: string) => call(w.api.address, '/v1/credentials', { token: 'reader', ca });
  expect((await read(former)).status).toBe(200);
  const renewed = await replace();
  const take = prepare(w);
  expect((await read(former)).status).toBe(200);
  take();
  expect((await read(renewed)).status).toBe(200);
  await expect(read(former)).rejects.toMatchObject({ code: expect.stringMatching(/CERT|UNABLE/) });
});

test('one that cannot be used is found before anything changes', async () => {
  const { directory, replace, api } = await certified();
  const ca = await replace();
  await using w = await world({ api });
  await writeFile(join(directory, 'tls.crt'), 'half a certif');
  expect(() => prepare(w)).toThrow(expect.objectContaining({ code: 'tls_unusable' }));
  expect((await call(w.api.address, '/v1/credentials', { token: 'reader', ca })).status).toBe(200);
});

test('a token that is gone is refused from then on, and the probes stay open', async () => {
  await using w = await world({ api: 'listen: 127.0.0.1:0\n  probes: { listen: 127.0.0.1:0 }' });
  expect((await call(w.api.address, '/v1/credentials', { token: 'reader' })).status).toBe(200);
  prepare(w, { tokens: [] })();
  expect((await call(w.api.address, '/v1/credentials', { token: 'reader' })).status).toBe(401);
  expect((await call(w.api.probesAddress ?? '', '/readyz')).status).toBe(200);
  expect((await call(w.api.probesAddress ?? '', '/v1/credentials')).status).toBe(404);
});
