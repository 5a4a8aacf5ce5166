import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, Secret } from '../../src/model/index.ts';
import { StateError } from '../../src/state/contract.ts';
import { CREDENTIAL, VARIABLE } from '../support/settings.ts';
import { makeWorld, START, type World, type WorldOptions } from '../support/world.ts';

const minted = (world: World) => world.sandbox.frameflow.keys().length - 2;

/** Puts a value into Vault by hand. */
function putInVault(world: World, value: string): void {
  world.vaultServer.put('secret/footage/frameflow', (data) => ({ ...data, api_key: value }));
}

function putInAws(world: World, value: string): void {
  world.awsServer.write('footage/frameflow', JSON.stringify({ api_key: value }));
}

async function expectEverywhere(world: World, version: number): Promise<void> {
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(version);
}

describe('the first start', () => {
  test('adopts the key that works in a destination, publishes it to the others, and mints nothing', async () => {
    const world = await makeWorld({ firstSecret: false, started: false });
    const { value, id } = world.sandbox.frameflow.firstKey;
    putInVault(world, value);
    await world.start();
    await expectEverywhere(world, 1);
    expect((await world.file.held())?.value).toBe(value);
    expect((await world.credential()).versions).toMatchObject([{ number: 1, keyId: id, origin: 'adopted' }]);
    await world.advance('80d');
    expect(minted(world)).toBe(0);
    expect(world.slack.counts()).toEqual({});
  });

  test('takes the configured first secret where no destination holds a working key', async () => {
    const world = await makeWorld({ started: false });
    putInVault(world, 'ff_live_0123456789abcdefDEAD');
    await writeFile(
      join(world.folder, 'app.env'),
      `# ours\n${VARIABLE}=ff_live_0123456789abcdefGONE\nOTHER=1\n`,
      {
        mode: 0o600,
      },
    );
    await world.start();
    await expectEverywhere(world, 1);
    expect((await world.credential()).versions).toMatchObject([{ origin: 'configured' }]);
  });

  test('waits for every required destination before it adopts anything', async () => {
    const world = await makeWorld({ started: false });
    world.awsServer.fault = () => ({ status: 503, body: {} });
    await world.start();
    await world.advance('10m');
    expect((await world.credential()).versions).toEqual([]);
    world.slack.expectTold('store-unreachable');
    await world.file.expectVersion(null);
    world.awsServer.fault = null;
    await world.advance('2m');
    await expectEverywhere(world, 1);
    expect(world.slack.counts()['store-unreachable resolved']).toBe(1);
  });

  test('with two unmarked keys that both work a person is asked, and then `adopt` takes the one that is handed over', async () => {
    const world = await makeWorld({ started: false });
    const [first, second] = world.sandbox.frameflow.keys();
    putInVault(world, first?.value ?? '');
    putInAws(world, second?.value ?? '');
    await world.start();
    expect((await world.credential()).record).toMatchObject({
      state: 'attention',
      lastError: { code: 'ambiguous_key' },
    });
    world.pagerduty.expectTriggered('rotation-attention');
    await world.advance('10m');
    expect([await world.vault.held(), await world.aws.held()]).toEqual([
      { value: first?.value, version: null },
      { value: second?.value, version: null },
    ]);

    await world.daemon.commands.adoptValue(CREDENTIAL, Secret.from(second?.value ?? ''), 'ops');
    await world.settle();
    await expectEverywhere(world, 1);
    expect((await world.vault.held())?.value).toBe(second?.value);
    world.pagerduty.expectResolved('rotation-attention');
    expect(minted(world)).toBe(0);
  });
});

describe('the state', () => {
  test('that is lost is built again from what the destinations hold, and no key is minted', async () => {
    const world = await makeWorld();
    await world.advance('100d');
    await expectEverywhere(world, 2);
    const before = await world.credential();
    await world.stop();
    await rm(join(world.folder, 'state'), { recursive: true });
    await world.start();
    await world.advance('1d');
    const after = await world.credential();
    expect(after.versions).toMatchObject([
      { number: 2, id: before.versions[0]?.id, keyId: before.versions[0]?.keyId, origin: 'adopted' },
    ]);
    expect(minted(world)).toBe(1);
    await world.until(async () => minted(world) === 2, '80d');
    await world.advance('5m');
    await expectEverywhere(world, 3);
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['overlap']);
  });

  test('whose file is replaced while the daemon runs: nothing is minted, and it says that it is not well', async () => {
    const world = await makeWorld();
    await world.advance('89d');
    const file = join(world.folder, 'state', 'keywarden.db');
    await copyFile(file, `${file}.copy`);
    await rename(`${file}.copy`, file);
    await world.advance('2d');
    expect(minted(world)).toBe(0);
    await expect(world.state.prove()).rejects.toMatchObject({ code: 'state_replaced' });
    expect(world.logged.filter((line) => line.includes('state_replaced')).length).toBeGreaterThan(0);
  });

  const moments: ReadonlyArray<readonly [string, string, number]> = [
    ['before the mint', 'after the commit of credential: rotation (minting)', 0],
    ['between the mint and its record', 'after mint at frameflow', 1],
  ];
  test.each(moments)(
    'on a disk that is full %s: no key is lost, and it goes on once there is room',
    async (_, moment, keys) => {
      let full = false;
      const killable = (boundary: string) => {
        if (boundary === moment && !full) {
          full = true;
          world.killable.refusal = new StateError('state_full', 'the disk is full');
        }
        return false;
      };
      const world: World = await rotationAt('due tomorrow', { killable });
      await world.advance('25h');
      expect(minted(world)).toBe(keys);
      await expectEverywhere(world, 1);
      world.killable.refusal = null;
      await world.poll();
      await world.advance('5m');
      expect(minted(world)).toBe(1);
      await expectEverywhere(world, 2);
      expect(await world.alerts('key-orphaned')).toEqual([]);
    },
  );

  test('on a disk that is full when the answer comes: also where the provider forgets, no key is lost', async () => {
    const killable = (boundary: string) => {
      if (boundary === 'after mint at frameflow') {
        world.killable.refusal = new StateError('state_full', 'the disk is full');
      }
      return false;
    };
    const world: World = await rotationAt('due tomorrow', { killable });
    world.sandbox.admin.changeSettings({ idempotency: false });
    await world.advance('25h');
    world.killable.refusal = null;
    await world.advance('10m');
    expect(minted(world)).toBe(1);
    await expectEverywhere(world, 2);
    expect(await world.alerts('key-orphaned')).toEqual([]);
  });

  test('on a disk that has become read-only: nothing is minted until it takes writes again', async () => {
    const world = await rotationAt('due tomorrow', { killable: true });
    const { database } = world.killable;
    database.exec('pragma query_only = 1');
    await world.advance('25h');
    expect(minted(world)).toBe(0);
    database.exec('pragma query_only = 0');
    await world.poll();
    await world.advance('5m');
    expect(minted(world)).toBe(1);
    await expectEverywhere(world, 2);
  });
});

/** A rotation that is held at `state`: in `publishing` by a Vault that is down. */
async function rotationAt(state: Moment, options: WorldOptions = {}): Promise<World> {
  const world = await makeWorld({
    rotation: { issuedAt: new Date(START - 89 * DAY).toISOString() },
    every: 6 * HOUR,
    ...options,
  });
  if (state === 'due tomorrow') return world;
  await world.advance(DAY - MINUTE);
  const reached = (wanted: string) =>
    world.until(async () => (await world.rotations()).at(-1)?.state === wanted, '1h');
  if (state === 'publishing') {
    await reached('verifying');
    world.vaultServer.sealed = true;
  }
  await reached(state);
  return world;
}

type Moment = (typeof MOMENTS)[number];
const MOMENTS = ['due tomorrow', 'verifying', 'publishing', 'overlap'] as const;

describe('the daemon’s clock', () => {
  const cases = MOMENTS.flatMap((moment) => [5, -5].map((days) => [moment, days] as const));
  test.each(cases)(
    'jumps while a rotation is %s, by %d days: the application is never refused, and it ends',
    async (moment, days) => {
      const world = await rotationAt(moment);
      world.clock.skew = days * DAY;
      await world.poll();
      world.vaultServer.sealed = false;
      await world.advance('16d');
      expect((await world.rotations()).map(({ state }) => state)).toEqual(['completed']);
      await expectEverywhere(world, 2);
      world.clock.skew = 0;
      await world.poll();
      await world.advance('10d');
      expect((await world.rotations()).map(({ state }) => state)).toEqual(['completed']);
      expect(minted(world)).toBe(1);
      expect((await world.alerts()).filter(({ state }) => state !== 'resolved')).toEqual([]);
    },
  );
});

describe('SIGTERM', () => {
  test.each(MOMENTS.slice(1))(
    'while a rotation is %s parks it, and the next start goes on',
    async (moment) => {
      const world = await rotationAt(moment);
      await world.restart();
      world.vaultServer.sealed = false;
      await world.advance('5d');
      expect((await world.rotations()).map(({ state }) => state)).toEqual(['completed']);
      expect(minted(world)).toBe(1);
      expect(world.slack.counts()['rotation-completed']).toBe(1);
    },
  );

  test('and three weeks without a daemon: what was due meanwhile is done at the start', async () => {
    const world = await makeWorld();
    await world.advance('80d');
    await world.stop();
    await world.advance('21d');
    await world.start();
    await world.advance('5m');
    await expectEverywhere(world, 2);
    expect((await world.rotations()).map(({ trigger }) => trigger)).toEqual(['scheduled']);
  });
});

describe('the schedule', () => {
  test('over a year every rotation begins in its window, and its overlap ends on a weekday', async () => {
    const world = await makeWorld({
      destinations: ['file'],
      drift: { check: '30d' },
      rotation: {
        every: '45d',
        window: 'Mon-Tue 09:00-16:00 Europe/Berlin',
        overlapEnd: 'weekdays',
        jitter: '6h',
      },
    });
    await world.advance('380d');
    const rotations = await world.rotations();
    expect(rotations.length).toBeGreaterThanOrEqual(8);
    const berlin = (at: number) =>
      new Intl.DateTimeFormat('en-GB', {
        timeZone: 'Europe/Berlin',
        weekday: 'short',
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23',
      }).format(at);
    for (const { startedAt, mintedAt, overlapEndsAt } of rotations) {
      expect(berlin(startedAt)).toMatch(/^(Mon|Tue),? (09|1[0-5]):/);
      expect(berlin(mintedAt ?? 0)).toMatch(/^(Mon|Tue)/);
      expect(berlin(overlapEndsAt ?? 0)).not.toMatch(/^(Sat|Sun)/);
    }
    const starts = rotations.map(({ startedAt }) => startedAt);
    for (const [index, at] of starts.entries())
      expect(at - (starts[index - 1] ?? at)).toBeLessThanOrEqual(45 * DAY);
  });

  test('a second rotation is refused while one is open, its overlap included', async () => {
    const world = await makeWorld();
    const open = await world.rotate();
    await expect(world.rotate()).rejects.toMatchObject({
      code: 'rotation_in_flight',
      inFlight: { id: open.id },
    });
    await world.until(async () => (await world.rotation()).state === 'overlap', '5m');
    await expect(world.rotate()).rejects.toMatchObject({
      code: 'rotation_in_flight',
      inFlight: { id: open.id },
    });
    await world.until(async () => (await world.rotation()).state === 'completed', '4d');
    await world.rotate();
    await world.advance('5m');
    await expectEverywhere(world, 3);
  });

  test('an emergency in an overlap takes its place and goes at once, whatever the window', async () => {
    const world = await makeWorld({ rotation: { window: 'Mon 09:00-10:00 UTC' } });
    const first = await world.rotate();
    await world.until(async () => (await world.rotation()).state === 'overlap', '5m');
    const emergency = await world.rotate({ emergency: true });
    await world.advance('2m');
    expect((await world.rotations()).map(({ id, state }) => [id, state])).toEqual([
      [first.id, 'superseded'],
      [emergency.id, 'overlap'],
    ]);
    await expectEverywhere(world, 3);
    await world.advance('4d');
    const { versions } = await world.credential();
    expect(versions.map(({ state }) => state)).toEqual(['current', 'retired', 'retired']);
    expect(world.slack.counts()).toEqual({ 'rotation-completed': 2 });
  });
});
