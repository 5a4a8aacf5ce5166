import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startApi } from '../api/api.ts';
import { call } from '../api/testing/call.ts';
import type { Config } from '../config/types.ts';
import { systemClock } from '../engine/clock.ts';
import { Commands } from '../engine/commands.ts';
import { Engine } from '../engine/engine.ts';
import { contextOf, PAGERDUTY, quiet, raiseOf, routesTo } from '../engine/testing/context.ts';
import { SECOND, Secret, SecretSource } from '../model/index.ts';
import { makeCa } from '../net/testing/index.ts';
import { StateError } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { Reigns } from './reigns.ts';

const KEY = Secret.from(Buffer.alloc(32, 7));

function sourceOf(value: string): SecretSource {
  const source = new SecretSource({ env: 'VALUE' });
  source.bind(async () => Secret.from(value));
  return source;
}

/** The key that the state is opened with. */
const MASTER = sourceOf(KEY.bytes().toString('base64'));

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
  const made = contextOf({ state, clock: systemClock() });
  const config = (tls: typeof before) => ({
    ...made.config,
    state: { ...made.config.state, encryptionKeys: [MASTER] },
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

test('an engine that was itself replaced, by another reload soon after, ends nothing that the newest configuration names', async () => {
  const state = await openMemory({ keys: [KEY], now: () => Date.now(), owner: 'test' });
  /** What waits for the half minute after which the plug-ins of a former configuration are closed. */
  const pauses: (() => void)[] = [];
  const real = systemClock();
  const clock = {
    now: real.now,
    monotonic: real.monotonic,
    steady: real.steady,
    after: (ms: number, task: () => void) => {
      if (ms !== 30 * SECOND) return real.after(ms, task);
      pauses.push(task);
      return () => {};
    },
  };
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const made = contextOf({ state, clock, plugins: { close: async () => close() } });
  const { config: _config, plugins, log: _log, ...lasting } = made;
  /** Nobody listens there: what is owed stays owed. */
  const oncall = { ...PAGERDUTY, routingKey: sourceOf('r'.repeat(32)), eventsUrl: 'https://127.0.0.1:9' };
  const config = (...names: string[]): Config => ({
    ...made.config,
    state: { ...made.config.state, encryptionKeys: [MASTER] },
    channels: Object.fromEntries(names.map((name) => [name, oncall])),
    routes: routesTo(...names),
  });
  const engine = new Engine(made);
  const commands = new Commands(engine);
  const api = await startApi({ engine, commands, grants: engine.grants }, made.config.api, quiet);
  await engine.start();
  const reigns = new Reigns({ engine, commands, plugins }, { lasting, api, keys: [KEY] });
  onTestFinished(async () => {
    await reigns.stop();
    await reigns.close();
    await api.close();
    await state.close();
  });

  await reigns.reload(config('old'), quiet);
  await reigns.reload(config('old', 'added'), quiet);
  await expect.poll(() => pauses.length).toBe(2);
  const at = Date.now();
  const failing = { kind: 'channel-failed', condition: 'added', channel: 'added' } as const;
  const raised = [raiseOf({ at, title: 'leak' }), raiseOf({ at, title: 'failing', ...failing })];
  await reigns.current.engine.submit([], raised);
  const owed = async () => (await state.pendingDeliveries()).map(({ channel }) => channel).toSorted();
  expect(await owed()).toEqual(['added', 'old', 'old']);
  pauses[0]?.();
  await closed;
  expect((await state.alerts({})).items).toMatchObject([{ state: 'triggered' }, { state: 'triggered' }]);
  expect(await owed()).toEqual(['added', 'old', 'old']);
});
