import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StockFlowKey } from '../../src/sandbox/stockflow.ts';
import { attempt, look, order } from '../support/orders.ts';
import { filePlace } from '../support/places.ts';
import { STOCKFLOW } from '../support/settings.ts';
import { makeWorld, type World, type WorldOptions } from '../support/world.ts';

/** Its people renew the key every 180 days unless it says otherwise; nobody else uses it. */
function stock(settings: object = {}, options: WorldOptions = {}): Promise<World> {
  return makeWorld({
    destinations: ['file'],
    rotation: { every: '3000d' },
    application: false,
    monitor: null,
    stockflow: { rotation: { every: '180d' }, ...settings },
    ...options,
  });
}

const place = (world: World) => filePlace(join(world.folder, 'stock.env'));

/** What a person does in StockFlow's dashboard. */
function makeKey(world: World, kind: 'live' | 'test' = 'live'): StockFlowKey {
  return world.sandbox.admin.createStockflowKey({ kind });
}

function searches(world: World, key: StockFlowKey | undefined): readonly number[] {
  return world.sandbox.stockflow
    .requests()
    .filter(({ keyId }) => keyId === key?.id)
    .map(({ status }) => status);
}

describe('keys that a person makes', () => {
  test('are reminded of 14 and 3 days before they are due, and when they are; `import` publishes the new one, and `retire` ends the old', async () => {
    const world = await stock();
    const [first] = world.sandbox.stockflow.keys();
    await place(world).expectVersion(1);
    await world.advance('165d');
    expect(await world.alerts('rotation-due')).toEqual([]);
    await world.advance('2d');
    expect(world.slack.expectTold('rotation-due').headline).toContain('a new key is due in');
    await world.advance('14d');
    const reminders = await world.alerts('rotation-due');
    expect(reminders.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'triggered']);
    expect(new Set(reminders.map(({ dedupKey }) => dedupKey)).size).toBe(3);
    expect(reminders[2]?.action).toContain(`keywarden import ${STOCKFLOW}`);

    const second = makeKey(world);
    await order(world, 'import', { value: second.value }, STOCKFLOW);
    await world.advance('1m');
    await place(world).expectVersion(2);
    expect((await place(world).held())?.value).toBe(second.value);
    expect(searches(world, second)).toEqual([200]);
    expect((await world.alerts('rotation-due')).filter(({ state }) => state !== 'resolved')).toEqual([]);

    // Nobody but a person knows when the old key is revoked.
    await world.advance('60d');
    const shown = await look(world, `/v1/credentials/${STOCKFLOW}`);
    expect(shown).toMatchObject({
      mode: 'guided',
      versions: [{ state: 'current' }, { state: 'retiring', expiresAt: null }],
    });
    world.sandbox.admin.revokeStockflowKey(first?.id ?? '');
    await order(world, 'versions/1/retire', {}, STOCKFLOW);
    expect((await world.credential(STOCKFLOW)).versions.map(({ state }) => state)).toEqual([
      'current',
      'retired',
    ]);
    expect(await attempt(world, `/v1/credentials/${STOCKFLOW}/versions/2/retire`)).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('is current') },
    });
  });

  test('are never minted: `rotate` says who makes them, emergency or not', async () => {
    const world = await stock();
    for (const emergency of [false, true]) {
      const answer = await attempt(world, `/v1/credentials/${STOCKFLOW}/rotate`, { emergency });
      expect(answer).toMatchObject({
        status: 409,
        json: { detail: expect.stringContaining('keywarden import') },
      });
    }
    expect(world.sandbox.stockflow.keys()).toHaveLength(1);
  });

  test('that do not work, or are test keys in the place of live ones, are refused, and nothing changes', async () => {
    const world = await stock();
    const [first] = world.sandbox.stockflow.keys();
    const attempts = [
      [makeKey(world, 'test').value, 'sk_live_'],
      ['sk_live_0123456789abcdef01234567', '401'],
      ['ff_live_0123456789abcdefGONE', 'sk_live_'],
    ] as const;
    for (const [value, why] of attempts) {
      const { status, json } = await attempt(world, `/v1/credentials/${STOCKFLOW}/import`, { value });
      expect([status, JSON.stringify(json)]).toEqual([409, expect.stringContaining(why)]);
      expect(JSON.stringify(json)).not.toContain(value);
    }
    await world.advance('1d');
    expect((await place(world).held())?.value).toBe(first?.value);
    expect((await world.credential(STOCKFLOW)).versions).toHaveLength(1);
  });

  test('that are known to others: a person is told to make one, and reminded until the old one is retired', async () => {
    const world = await stock();
    const told = await order(world, 'compromise', { reason: 'in a screenshot' }, STOCKFLOW);
    expect(told.rotation).toBe(null);
    await world.advance('1h');
    const [first] = await world.alerts('key-compromised');
    expect(first?.action).toContain(`keywarden import ${STOCKFLOW}`);
    const second = makeKey(world);
    await order(world, 'import', { value: second.value }, STOCKFLOW);
    await world.advance('5h');
    world.pagerduty.expectTriggered('key-compromised');
    const [old] = world.sandbox.stockflow.keys();
    world.sandbox.admin.revokeStockflowKey(old?.id ?? '');
    await order(world, 'versions/1/retire', {}, STOCKFLOW);
    world.pagerduty.expectResolved('key-compromised');
  });
});

describe('a key that nobody uses for 90 days ends', () => {
  test('so it is used once in 60 days, and lives on', async () => {
    const world = await stock({ rotation: { every: '2000d' } });
    const [key] = world.sandbox.stockflow.keys();
    await world.advance('400d');
    expect(searches(world, key).length).toBeGreaterThanOrEqual(6);
    expect(searches(world, key).length).toBeLessThanOrEqual(9);
    expect(new Set(searches(world, key))).toEqual(new Set([200]));
    expect(world.sandbox.admin.state().stockflow.keys[0]?.valid).toBe(true);
    expect(await world.alerts('inactivity-expiry')).toEqual([]);
  });

  test('also over weeks in which the daemon is down or StockFlow is', async () => {
    const world = await stock({ rotation: { every: '2000d' } });
    await world.advance('50d');
    await world.stop();
    await world.advance('20d');
    const down = { kind: 'status', status: 503 } as const;
    world.sandbox.admin.setFault({ service: 'stockflow', times: 0, fault: down });
    await world.start();
    await world.advance('10d');
    expect(world.slack.expectTold('inactivity-expiry').headline).toContain('lapses for want of use');
    world.sandbox.admin.clearFaults();
    await world.advance('2h');
    expect(world.sandbox.admin.state().stockflow.keys[0]?.valid).toBe(true);
    expect((await world.alerts('inactivity-expiry')).filter(({ state }) => state !== 'resolved')).toEqual([]);
  });

  test('with keepAlive off a person is reminded, and Keywarden makes no call', async () => {
    const world = await stock({
      rotation: { every: '2000d', remindBefore: ['14d', '3d'] },
      keepAlive: 'off',
    });
    const [key] = world.sandbox.stockflow.keys();
    const before = searches(world, key).length;
    await world.advance('75d');
    expect(await world.alerts('inactivity-expiry')).toEqual([]);
    await world.advance('2d');
    const [reminder] = await world.alerts('inactivity-expiry');
    expect(reminder?.summary).toContain('keepAlive is off');
    await world.advance('11d');
    expect(await world.alerts('inactivity-expiry')).toHaveLength(2);
    expect(searches(world, key)).toHaveLength(before);
  });

  test('and where it has ended, that is told, and an imported one takes its place', async () => {
    const world = await stock({ rotation: { every: '2000d', remindBefore: ['3d'] }, keepAlive: 'off' });
    await world.advance('91d');
    expect(world.sandbox.admin.state().stockflow.keys[0]?.valid).toBe(false);
    const next = makeKey(world);
    await order(world, 'import', { value: next.value }, STOCKFLOW);
    await world.advance('5m');
    expect((await place(world).held())?.value).toBe(next.value);
    expect((await world.alerts('inactivity-expiry')).filter(({ state }) => state !== 'resolved')).toEqual([]);
  });
});

test('its retry_after is honoured: no call comes sooner', async () => {
  const world = await stock({}, { started: false });
  const refusal = { kind: 'status', status: 429, headers: { retry_after: '600' } } as const;
  world.sandbox.admin.setFault({ service: 'stockflow', times: 1, fault: refusal });
  await world.start();
  await world.advance('9m');
  expect(world.sandbox.admin.state().faults).toEqual([]);
  expect(world.sandbox.stockflow.requests()).toHaveLength(0);
  await place(world).expectVersion(null);
  await world.advance('3m');
  await place(world).expectVersion(1);
});
