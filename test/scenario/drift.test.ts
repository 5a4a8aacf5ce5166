import { copyFile, cp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Destination } from '../../src/model/index.ts';
import { DAY } from '../../src/model/index.ts';
import { makeWorld, type World } from '../support/world.ts';

const SECRET = 'secret/footage/frameflow';
const THEIRS = 'ff_live_theirs0123456789abcdef';

/** Somebody puts a value of his own into Vault, and leaves the mark where it is. */
function putTheirs(world: World, value = THEIRS): void {
  world.vaultServer.put(SECRET, (data) => ({ ...data, api_key: value }));
}

/** What stands in Vault now, mark and all. */
function inVault(world: World): object {
  let found: object = {};
  world.vaultServer.put(SECRET, (data) => {
    found = data;
    return data;
  });
  return found;
}

async function destination(world: World, store: string): Promise<Destination> {
  const { destinations } = await world.credential();
  const found = destinations.find(({ id }) => id.startsWith(`${store}:`));
  if (found === undefined) throw new Error(`there is no destination in ${store}`);
  return found;
}

const drifts = (world: World) => world.alerts('store-drift');

describe('a value that is not ours, found at a destination that had ours', () => {
  test('under `alert` is told and left as it is; once ours is back the alert ends', async () => {
    const world = await makeWorld({ monitor: null, application: false });
    await world.advance('1d');
    const ours = inVault(world);
    putTheirs(world);
    await world.advance('25h');
    expect((await world.vault.held())?.value).toBe(THEIRS);
    expect(await destination(world, 'vault')).toMatchObject({ state: 'drifted' });
    expect(await drifts(world)).toMatchObject([
      { state: 'triggered', severity: 'warning', evidence: { found: 'changed', version: 1 } },
    ]);
    expect(JSON.stringify(await world.alerts())).not.toContain(THEIRS);
    await world.advance('3d');
    expect(world.slack.counts()).toEqual({ 'store-drift': 1 });

    world.vaultServer.put(SECRET, () => ours);
    await world.advance('1d');
    expect(await destination(world, 'vault')).toMatchObject({ state: 'published' });
    expect(world.slack.counts()).toEqual({ 'store-drift': 1, 'store-drift resolved': 1 });
  });

  test('under `alert` holds up no rotation, and the next version is written over it', async () => {
    const world = await makeWorld({ monitor: null, application: false });
    putTheirs(world);
    await world.advance('1d');
    expect(await destination(world, 'vault')).toMatchObject({ state: 'drifted' });
    await world.rotate();
    await world.advance('2m');
    await world.vault.expectVersion(2);
    expect(await drifts(world)).toMatchObject([{ state: 'resolved' }]);
    putTheirs(world);
    await world.until(async () => (await world.rotation()).state === 'completed', '4d');
    expect(await world.alerts('publish-failed')).toEqual([]);
    expect(await drifts(world)).toMatchObject([{ state: 'resolved' }, { state: 'triggered' }]);
  });

  test('under `overwrite` is written over, and told with its end', async () => {
    const world = await makeWorld({
      monitor: null,
      application: false,
      drift: { check: '15m', onDrift: 'overwrite' },
    });
    await world.advance('1h');
    const ours = inVault(world);
    putTheirs(world);
    await world.advance('15m');
    expect(inVault(world)).toEqual(ours);
    expect(await drifts(world)).toMatchObject([
      { state: 'resolved', severity: 'warning', evidence: { found: 'changed', written: true } },
    ]);
    expect(world.slack.counts()).toEqual({ 'store-drift': 1, 'store-drift resolved': 1 });
    const { items } = await world.state.audit({ action: 'destination.drifted' });
    expect(items).toMatchObject([{ detail: { number: 1, found: 'changed' } }]);
  });

  test('is told with the version of ours that somebody put back by hand', async () => {
    const world = await makeWorld({ monitor: null, application: false });
    const first = (await world.vault.held())?.value ?? '';
    await world.rotate();
    await world.advance('2m');
    putTheirs(world, first);
    await world.advance('1d');
    expect(await drifts(world)).toMatchObject([
      { deadline: (await world.rotation()).overlapEndsAt, evidence: { found: 'changed', foundVersion: 1 } },
    ]);
  });
});

describe('whatever the policy, ours is written again, and told,', () => {
  test('where the value has vanished', async () => {
    const world = await makeWorld({ monitor: null, application: false });
    const file = join(world.folder, 'app.env');
    const before = await readFile(file, 'utf8');
    await rm(file);
    await world.advance('1d');
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await drifts(world)).toMatchObject([
      { state: 'resolved', evidence: { found: 'vanished', written: true } },
    ]);
  });

  test('where an older version of ours is back', async () => {
    const world = await makeWorld({ monitor: null, application: false });
    const file = join(world.folder, 'app.env');
    await copyFile(file, `${file}.backup`);
    await world.rotate();
    await world.advance('2m');
    await world.file.expectVersion(2);
    await rename(`${file}.backup`, file);
    await world.file.expectVersion(1);
    await world.advance('1d');
    await world.file.expectVersion(2);
    expect(await drifts(world)).toMatchObject([
      { state: 'resolved', evidence: { found: 'reverted', foundVersion: 1, written: true } },
    ]);
  });
});

test('a store that cannot be read is no drift, and is told only once it lasts', async () => {
  const world = await makeWorld({ monitor: null });
  world.vaultServer.sealed = true;
  await world.until(async () => (await destination(world, 'vault')).attempts > 0, '1d');
  expect(await world.alerts()).toEqual([]);
  await world.advance('1h');
  expect(await world.alerts()).toMatchObject([{ kind: 'store-unreachable', severity: 'warning' }]);
  expect(await destination(world, 'vault')).toMatchObject({ state: 'published' });
  world.vaultServer.sealed = false;
  await world.advance('1h');
  expect(await world.alerts()).toMatchObject([{ kind: 'store-unreachable', state: 'resolved' }]);
});

test('what another installation has taken over is left alone, whatever the policy', async () => {
  const drift = { check: '15m', onDrift: 'overwrite' };
  const world = await makeWorld({ monitor: null, application: false, drift });
  const { api_key_keywarden: note, ...rest } = inVault(world) as { readonly api_key_keywarden: string };
  const mark = { ...JSON.parse(note), installation: 'footage/staging' };
  const theirs = { ...rest, api_key_keywarden: JSON.stringify(mark) };
  world.vaultServer.put(SECRET, () => theirs);
  await world.advance('1h');
  expect(inVault(world)).toEqual(theirs);
  expect(await world.alerts()).toMatchObject([
    { kind: 'publish-failed', state: 'triggered', evidence: { code: 'foreign_owner' } },
  ]);
});

test('a state restored from a backup adopts the newer version that it finds, by itself, and says so once', async () => {
  const world = await makeWorld({ monitor: null });
  await world.advance('80d');
  await world.stop();
  await cp(join(world.folder, 'state'), join(world.folder, 'backup'), { recursive: true });
  await world.start();
  await world.advance('20d');
  await world.stop();
  await rm(join(world.folder, 'state'), { recursive: true });
  await rename(join(world.folder, 'backup'), join(world.folder, 'state'));
  await world.start();
  await world.advance('2h');
  const { record, versions } = await world.credential();
  expect(record.state).toBe('managed');
  expect(versions.find(({ state }) => state === 'current')).toMatchObject({ number: 2 });
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(2);
  expect(await world.alerts('state-restored')).toHaveLength(1);
  await world.advance(20 * DAY);
  expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
  expect(world.sandbox.frameflow.keys()).toHaveLength(3);
});
