import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startApi } from '../api/api.ts';
import { call } from '../api/testing/call.ts';
import { systemClock } from '../engine/clock.ts';
import { Commands } from '../engine/commands.ts';
import { Engine } from '../engine/engine.ts';
import { contextOf, quiet } from '../engine/testing/context.ts';
import { Secret, SecretSource } from '../model/index.ts';
import { makeCa } from '../net/testing/index.ts';
import { StateError } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { Reigns } from './reigns.ts';

const KEY = Secret.from(Buffer.alloc(32, 7));

test('where the new configuration cannot start and the former certificate is gone, the former goes on with it, and the cause is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kw-reigns-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const authority = await makeCa();
  const certify = async (name: string) => {
    const { cert, key } = await authority.issue();
    const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
    await writeFile(certFile, cert);
    await writeFile(keyFile, key, { mode: 0o600 });
    return { certFile, keyFile };
  };
  const [before, after] = [await certify('before'), await certify('after')];
  const opened = await openMemory({ keys: [KEY], now: () => Date.now(), owner: 'test' });
  let fails = 0;
  const state = {
    ...opened,
    commit: async (...given: Parameters<typeof opened.commit>) => {
      fails -= 1;
      if (fails >= 0) throw new StateError('state_full', 'the disk is full');
      return opened.commit(...given);
    },
  };
  const source = new SecretSource({ env: 'MASTER' });
  source.bind(async () => Secret.from(KEY.bytes().toString('base64')));
  const made = contextOf({ state, clock: systemClock() });
  const config = (tls: typeof before) => ({
    ...made.config,
    state: { ...made.config.state, encryptionKeys: [source] },
    api: { ...made.config.api, tls },
  });
  const { config: _config, plugins, log: _log, ...lasting } = made;
  const engine = new Engine({ ...made, config: config(before) });
  const commands = new Commands(engine);
  const api = await startApi({ engine, commands, grants: engine.grants }, config(before).api, quiet);
  await engine.start();
  const reigns = new Reigns({ engine, commands, plugins }, { lasting, api, keys: [KEY] });
  onTestFinished(async () => {
    await reigns.stop();
    await api.close();
    await opened.close();
  });

  await Promise.all([unlink(before.certFile), unlink(before.keyFile)]);
  fails = 1;
  await expect(reigns.reload(config(after), quiet)).rejects.toMatchObject({ code: 'state_full' });
  expect(reigns.current.engine).not.toBe(engine);
  const health = () => call(api.address, '/healthz', { ca: authority.pem });
  expect((await health()).status).toBe(200);
  // It is the one that goes on that answers.
  Object.defineProperty(reigns.current.engine, 'ready', { value: false });
  expect((await health()).status).toBe(503);
});
