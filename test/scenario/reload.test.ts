import { describe, expect, test } from 'vitest';
import type { Daemon } from '../../src/cli/daemon.ts';
import { loadConfig } from '../../src/config/index.ts';
import { HOUR } from '../../src/model/index.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { HELD } from '../support/held.ts';
import { look, order } from '../support/orders.ts';
import { CREDENTIAL, SECOND, type WorldSettings } from '../support/settings.ts';
import { makeWorld, type World } from '../support/world.ts';

/** As SIGHUP after the file was changed. */
async function reload(world: World, settings: WorldSettings): Promise<void> {
  await world.configure(settings);
  const { config } = await loadConfig({ files: [world.configFile], env: world.env, cwd: world.folder });
  const log = createLog({ level: 'debug', format: 'json' }, { write: (line) => world.logged.push(line) });
  await (world.daemon as Daemon).reload(config, log);
  await world.settle();
}

const CHANGED = {
  destinations: ['vault', 'file', 'aws'],
  rotation: { every: '10d', overlap: '24h' },
} as const;

describe('a reload in the middle of a rotation', () => {
  test.each(Object.keys(HELD))(
    'which is in %s: it goes on as it began, and nothing is minted twice',
    async (state) => {
      const world = await makeWorld({ destinations: ['vault', 'file'] });
      const keys = world.sandbox.frameflow.keys().length;
      const early = state === 'publishing' ? undefined : HELD[state]?.(world);
      await order(world, 'rotate');
      const release = early ?? HELD[state]?.(world);
      await world.until(async () => (await world.rotation()).state === state, '5m');
      const { id, terms } = await world.rotation();
      const requests = world.providerCalls();

      await reload(world, CHANGED);
      expect(world.starts).toBe(1);
      expect(world.providerCalls()).toBeGreaterThanOrEqual(requests);
      release?.();
      await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
      expect(await world.rotation()).toMatchObject({ id, terms: { ...terms, overlap: 72 * HOUR } });
      await world.advance('1m');
      for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(2);
      expect(world.sandbox.frameflow.keys()).toHaveLength(keys + 1);
      const { overlapEndsAt } = await world.rotation();
      await world.advance((overlapEndsAt ?? 0) - world.time);
      expect(await world.rotation()).toMatchObject({ id, state: 'completed' });
    },
  );
});

test('a request that began before a reload may end by the former plug-ins, which are closed thereafter', async () => {
  const world = await makeWorld({ destinations: ['file'] });
  const { plugins } = world.daemon.engine.context;
  const { close } = plugins;
  let closed = 0;
  Object.assign(plugins, {
    close: () => {
      closed += 1;
      return close();
    },
  });
  await reload(world, { destinations: ['file'], second: true });
  expect(world.daemon.engine.context.plugins).not.toBe(plugins);
  await world.advance('20s');
  expect(closed).toBe(0);
  await world.advance('20s');
  expect(closed).toBe(1);
});

test('a credential comes and goes with a reload, and its alerts go with it', async () => {
  const world = await makeWorld({ destinations: ['file'] });
  await reload(world, { destinations: ['file'], second: true });
  await world.advance('5m');
  expect(await look(world, `/v1/credentials/${SECOND}`)).toMatchObject({ state: 'managed' });
  const raise = {
    type: 'raise',
    kind: 'rotation-failed',
    credential: SECOND,
    condition: '',
    severity: 'warning',
    at: world.time,
    title: 'it fails',
    summary: '',
    action: null,
    deadline: null,
    evidence: {},
  } as const;
  await world.daemon.engine.submit([], [raise]);
  await reload(world, { destinations: ['file'] });
  expect(await look(world, `/v1/credentials/${SECOND}`)).toMatchObject({ state: 'parked' });
  expect((await world.alerts('rotation-failed')).map(({ state }) => state)).toEqual(['resolved']);
  await world.advance('100d');
  expect((await world.rotations(CREDENTIAL)).length).toBeGreaterThan(0);
  expect(await world.rotations(SECOND)).toEqual([]);
});

test('a hundred reloads leave one engine that works', async () => {
  const world = await makeWorld({ destinations: ['file'] });
  const keys = world.sandbox.frameflow.keys().length;
  for (let round = 0; round < 100; round += 1) {
    await reload(world, { destinations: round % 2 === 0 ? ['file', 'vault'] : ['file'] });
  }
  await order(world, 'rotate');
  await world.until(async () => (await world.rotation()).state === 'overlap', '5m');
  await world.file.expectVersion(2);
  expect(world.sandbox.frameflow.keys()).toHaveLength(keys + 1);
});

test('another master key is refused, and everything goes on with the one that sealed the state', async () => {
  const world = await makeWorld({ destinations: ['file'] });
  world.env.MASTER_KEY = Buffer.alloc(32, 9).toString('base64');
  await expect(reload(world, { destinations: ['file', 'vault'] })).rejects.toMatchObject({
    code: 'restart_needed',
    message: expect.stringMatching(/^state\.encryptionKeys holds other master keys .*; put the former back/),
  });
  await order(world, 'rotate');
  await world.until(async () => (await world.rotation()).state === 'overlap', '5m');
  await world.file.expectVersion(2);
  await world.vault.expectVersion(null);
});
