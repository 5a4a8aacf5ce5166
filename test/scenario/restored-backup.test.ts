import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HOUR } from '../../src/model/index.ts';
import { order } from '../support/orders.ts';
import { makeWorld, type World } from '../support/world.ts';

const minted = (world: World) => world.sandbox.frameflow.keys().slice(2);

async function backUp(world: World): Promise<void> {
  await world.stop();
  await cp(join(world.folder, 'state'), join(world.folder, 'backup'), { recursive: true });
  await world.start();
}

async function restore(world: World): Promise<void> {
  await world.stop();
  await rm(join(world.folder, 'state'), { recursive: true });
  await rename(join(world.folder, 'backup'), join(world.folder, 'state'));
  await world.start();
}

async function expectEverywhere(world: World, version: number, value: string | undefined): Promise<void> {
  for (const place of [world.vault, world.aws, world.file]) {
    await place.expectVersion(version);
    expect((await place.held())?.value).toBe(value);
  }
}

describe('a state that was restored from an older backup', () => {
  test('finds the newer key in the destinations and adopts it: nothing is overwritten, nothing is minted', async () => {
    const world = await makeWorld({ rotation: { every: '10d' } });
    await world.advance('8d');
    await backUp(world);
    await world.advance('6d');
    const [second] = minted(world);
    await expectEverywhere(world, 2, second?.value);
    await restore(world);
    await world.advance('1d');
    await expectEverywhere(world, 2, second?.value);
    const { versions, record } = await world.credential();
    expect(versions.find(({ state }) => state === 'current')).toMatchObject({ keyId: second?.id, number: 2 });
    expect(record.state).toBe('managed');
    expect(minted(world)).toHaveLength(1);
    expect(world.slack.counts()['state-restored']).toBe(1);

    await world.until(() => minted(world).length === 2, '11d');
    await world.advance('4d');
    await expectEverywhere(world, 3, minted(world)[1]?.value);
  });

  test('and that knows of no rotation since: what was minted in between is not lost, and the key in its overlap ends on time', async () => {
    const world = await makeWorld({ every: 6 * HOUR });
    await backUp(world);
    await order(world, 'rotate');
    await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
    await restore(world);
    await world.advance('5d');
    // Number 2 stands for the key that the log had shown before its value was found.
    await expectEverywhere(world, 3, minted(world)[0]?.value);
    expect(minted(world)).toHaveLength(1);
    const { versions } = await world.credential();
    const known = versions.filter(({ keyId }) => keyId !== null);
    expect(known.map(({ keyId, state }) => [keyId, state])).toEqual([
      [minted(world)[0]?.id, 'current'],
      [world.sandbox.frameflow.firstKey.id, 'retired'],
    ]);
    expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
  });

  test('in the middle of a rotation: the same mint is repeated, and the same key comes of it', async () => {
    const world = await makeWorld({ killable: true, application: false });
    world.sandbox.admin.setFault({
      service: 'frameflow',
      path: '/v1/auth/rotate',
      fault: { kind: 'drop-before' },
    });
    await world.rotate();
    await world.until(async () => (await world.rotation()).intent !== null, '5m');
    await backUp(world);
    await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
    await restore(world);
    await world.advance('1d');
    expect(minted(world)).toHaveLength(1);
    await expectEverywhere(world, 2, minted(world)[0]?.value);
    expect(await world.alerts('key-orphaned')).toEqual([]);
  });
});
