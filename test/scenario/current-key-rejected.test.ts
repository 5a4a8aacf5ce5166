import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../src/model/index.ts';
import { attempt, order } from '../support/orders.ts';
import { makeWorld, type World } from '../support/world.ts';

/** Its daemon reads the log every five minutes, with the current key: so it learns that the key is refused. */
async function watched(overlap = 72 * HOUR): Promise<World> {
  return makeWorld({
    destinations: ['vault', 'file'],
    rotation: { overlap: `${overlap}ms` },
    sandbox: { overlapMs: overlap },
    every: 5 * MINUTE,
    application: false,
  });
}

const minted = (world: World) => world.sandbox.frameflow.keys().slice(2);

async function current(world: World) {
  return (await world.credential()).versions.find(({ state }) => state === 'current');
}

describe('the provider refuses the current key', () => {
  test('and a store holds a newer one: it is tested, adopted and published everywhere, and nothing is minted', async () => {
    const world = await watched();
    const [first, second] = world.sandbox.frameflow.keys();
    world.sandbox.admin.revokeKey(first?.id ?? '');
    world.vaultServer.put('secret/footage/frameflow', () => ({ api_key: second?.value }));
    await world.advance('10m');
    expect(await current(world)).toMatchObject({ keyId: second?.id, origin: 'adopted', number: 2 });
    expect((await world.file.held())?.value).toBe(second?.value);
    await world.vault.expectVersion(2);
    expect(minted(world)).toEqual([]);
    await world.advance('1h');
    expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
    expect((await world.credential()).versions.at(-1)).toMatchObject({ keyId: first?.id, state: 'retired' });
  });

  test('and the older key still works: it mints a successor, once', async () => {
    const world = await watched(3 * HOUR);
    await order(world, 'rotate');
    await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
    const refused = minted(world).at(-1);
    world.sandbox.admin.revokeKey(refused?.id ?? '');
    await world.until(async () => (await current(world))?.keyId !== refused?.id, '20m');
    await world.advance('5m');
    const [recovery] = (await world.rotations()).toReversed();
    expect(recovery).toMatchObject({ trigger: 'emergency', actor: 'daemon', state: 'overlap' });
    expect(minted(world)).toHaveLength(2);
    expect((await world.file.held())?.value).toBe(minted(world)[1]?.value);
    world.pagerduty.expectResolved('credential-rejected');
    expect((await world.credential()).record).toMatchObject({ state: 'managed', recoveryId: null });
    await world.advance('4h');
    expect(minted(world)).toHaveLength(2);
    expect((await world.rotations()).at(-1)?.state).toBe('completed');
  });

  test('while a mint by it is unanswered: a key that a person hands over is taken, and the lost one is told', async () => {
    const world = await watched();
    const [first, second] = world.sandbox.frameflow.keys();
    world.sandbox.admin.setFault({
      service: 'frameflow',
      path: '/v1/auth/rotate',
      fault: { kind: 'drop-after' },
    });
    await order(world, 'rotate');
    await world.until(async () => minted(world).length > 0, '5m');
    world.sandbox.admin.revokeKey(first?.id ?? '');
    await world.until(async () => (await world.credential()).record.state === 'rejected', '30m');
    await order(world, 'adopt', { value: second?.value });
    await world.advance('1h');
    expect(await current(world)).toMatchObject({ keyId: second?.id });
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['abandoned']);
    const lost = (await world.alerts()).filter(({ kind }) => kind === 'key-orphaned');
    expect(lost.map(({ title }) => title)).toEqual([expect.stringContaining(minted(world)[0]?.id ?? '?')]);
  });

  test('and its successor too: the older key mints no second one, and a person is asked for a key', async () => {
    const world = await watched(3 * HOUR);
    const [first, second] = world.sandbox.frameflow.keys();
    await order(world, 'rotate');
    await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
    world.sandbox.admin.revokeKey(minted(world)[0]?.id ?? '');
    // Whatever the older key mints from now on is not accepted either.
    world.sandbox.admin.changeSettings({ propagationMs: 365 * 24 * HOUR });
    await world.advance('150m');
    world.pagerduty.expectTriggered('credential-rejected');
    const recoveries = (await world.rotations()).filter(({ actor }) => actor === 'daemon');
    expect(recoveries).toHaveLength(1);

    world.sandbox.admin.revokeKey(first?.id ?? '');
    await world.advance('2h');
    const { id } = await world.rotation();
    expect(await attempt(world, `/v1/rotations/${id}/abandon`)).toMatchObject({ status: 202 });
    await order(world, 'adopt', { value: second?.value });
    await world.advance('10m');
    expect(await current(world)).toMatchObject({ keyId: second?.id, origin: 'imported' });
    expect((await world.file.held())?.value).toBe(second?.value);
    world.pagerduty.expectResolved('credential-rejected');
  });

  test('and nothing else works: a person is called at once, looked for is a key every five minutes, and one in a store is taken', async () => {
    const world = await watched();
    const [first, second] = world.sandbox.frameflow.keys();
    world.sandbox.admin.revokeKey(first?.id ?? '');
    await world.advance('10m');
    const page = world.pagerduty.expectTriggered('credential-rejected');
    expect(page.summary).toContain(first?.id);
    const before = world.providerCalls();
    await world.advance('1h');
    expect(world.providerCalls() - before).toBeLessThan(60);
    expect(minted(world)).toEqual([]);
    expect(world.pagerduty.incidents('credential-rejected')).toHaveLength(1);

    world.vaultServer.put('secret/footage/frameflow', () => ({ api_key: second?.value }));
    await world.advance('6m');
    expect((await world.file.held())?.value).toBe(second?.value);
    world.pagerduty.expectResolved('credential-rejected');
  });

  test('for a moment only: it is asked again, and nothing is changed', async () => {
    const world = await watched();
    const refusal = { kind: 'status', status: 401 } as const;
    world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/logs', times: 1, fault: refusal });
    await world.advance('20m');
    expect((await world.credential()).versions).toMatchObject([{ number: 1, state: 'current' }]);
    expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
    expect(minted(world)).toEqual([]);
  });
});
