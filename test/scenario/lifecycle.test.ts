import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { commandsIn, follow, keywarden } from '../support/command-line.ts';
import { look } from '../support/orders.ts';
import { filePlace } from '../support/places.ts';
import { CREDENTIAL, STOCKFLOW } from '../support/settings.ts';
import { makeWorld, START, type World } from '../support/world.ts';

async function waysOut(world: World): Promise<readonly string[]> {
  return (await look(world, `/v1/credentials/${CREDENTIAL}`)).waysOut as readonly string[];
}

const minted = (world: World) => world.sandbox.frameflow.keys().slice(2);

test('a key’s life, as people on call live it: every command that they are told is typed word for word', async () => {
  const world = await makeWorld({
    rotation: { issuedAt: new Date(START - 89 * DAY).toISOString() },
    every: 2 * HOUR,
  });
  await keywarden(world, ['pause', CREDENTIAL, '--reason', 'year-end freeze']);
  await world.advance('11d');
  const [overdue] = await world.alerts('rotation-overdue');
  expect(overdue?.state).toBe('triggered');
  // The provider's nodes do not hear of the new key for a while.
  world.sandbox.admin.changeSettings({ propagationMs: 8 * MINUTE });
  await follow(world, commandsIn(overdue?.action)[0] ?? '');
  await world.until(async () => (await world.rotation()).state === 'attention', '30m');
  const [attention] = await world.alerts('rotation-attention');
  const ways = await waysOut(world);
  expect(commandsIn(attention?.action)).toEqual(ways);
  expect((await keywarden(world, ['status'])).stdout).toContain('rotation-attention');

  const [retry = '', abandon = ''] = ways;
  expect(abandon).toMatch(/ abandon$/);
  await follow(world, retry);
  expect((await world.rotation()).state).toBe('verifying');
  await world.until(async () => (await world.rotation()).state === 'overlap', '1h');
  world.pagerduty.expectResolved('rotation-attention');

  const [rollback = ''] = await waysOut(world);
  expect(rollback).toBe(`keywarden rollback ${CREDENTIAL}`);
  await follow(world, rollback);
  await world.advance('5m');
  const [first, , second] = world.sandbox.frameflow.keys();
  expect((await world.file.held())?.value).toBe(first?.value);
  await world.advance('60h');
  expect((await world.file.held())?.value).toBe(second?.value);
  await world.advance('13h');
  expect((await world.rotation()).state).toBe('completed');

  const compromised = await keywarden(world, [
    'compromise',
    CREDENTIAL,
    '--reason',
    'in a public repository',
  ]);
  expect(compromised.code).toBe(0);
  await world.advance('30m');
  expect((await world.file.held())?.value).toBe(minted(world).at(-1)?.value);
  world.pagerduty.expectTriggered('key-compromised');
  await world.advance('4d');
  world.pagerduty.expectResolved('key-compromised');

  const told = (await keywarden(world, ['history', CREDENTIAL])).stdout;
  expect(told).toMatch(/emergency/);
  expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
  expect((await world.credential()).versions.map(({ state }) => state)).toEqual([
    'current',
    'retired',
    'retired',
  ]);
}, 60_000);

test('an overlap that ends with a destination still down: it is told in time, needs a person, and ends once the store is back', async () => {
  const world = await makeWorld({
    destinations: ['file', 'vault'],
    publish: { vault: { required: false } },
    rotation: { overlap: '6h' },
    sandbox: { overlapMs: 6 * HOUR },
    application: false,
    every: HOUR,
  });
  world.vaultServer.sealed = true;
  await keywarden(world, ['rotate', CREDENTIAL, '--reason', 'a drill']);
  await world.until(async () => (await world.file.held())?.version === 2, '10m');
  const { mintedAt } = await world.rotation();
  const at = (share: number) => (mintedAt ?? 0) + share * 6 * HOUR - world.time + MINUTE;
  await world.advance(at(0.5));
  expect((await world.alerts('publish-failed')).map(({ severity }) => severity)).toEqual(['warning']);
  await world.advance(at(0.8));
  const page = world.pagerduty.expectTriggered('publish-failed');
  expect(page.summary).toContain('vault:footage/frameflow#api_key does not have the new key');
  await world.advance(at(1));
  expect((await world.rotation()).state).toBe('attention');
  const [attention] = await world.alerts('rotation-attention');
  const ways = await waysOut(world);
  expect(commandsIn(attention?.action).filter((command) => command.includes(' rotation '))).toEqual(ways);

  world.vaultServer.sealed = false;
  await follow(world, ways[0] ?? '');
  await world.advance('1m');
  await world.vault.expectVersion(2);
  expect((await world.rotation()).state).toBe('completed');
  world.pagerduty.expectResolved('publish-failed');
  world.pagerduty.expectResolved('rotation-attention');
}, 60_000);

test('a key made by hand, from the reminder to the end of the old one, by the commands that the reminder names', async () => {
  const world = await makeWorld({
    destinations: ['file'],
    monitor: null,
    application: false,
    stockflow: { rotation: { every: '90d' } },
  });
  await world.advance('80d');
  const [reminder] = await world.alerts('rotation-due');
  const [take = '', retire = ''] = commandsIn(reminder?.action);
  const [old] = world.sandbox.stockflow.keys();
  const fresh = world.sandbox.admin.createStockflowKey();
  await follow(world, take, `${fresh.value}\n`);
  expect((await filePlace(join(world.folder, 'stock.env')).held())?.value).toBe(fresh.value);
  world.sandbox.admin.revokeStockflowKey(old?.id ?? '');
  await follow(world, retire);
  expect((await world.credential(STOCKFLOW)).versions.map(({ state }) => state)).toEqual([
    'current',
    'retired',
  ]);
  const wrong = await keywarden(
    world,
    ['import', STOCKFLOW],
    world.sandbox.admin.createStockflowKey({ kind: 'test' }).value,
  );
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr).toContain('this is a test key');
});
