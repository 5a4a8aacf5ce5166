import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DAY } from '../../src/model/index.ts';
import { makeWorld, type World, type WorldOptions } from '../support/world.ts';

/** A world whose file has a hook that notes the version; it fails while there is a file `broken`. */
async function hooked(options: WorldOptions = {}): Promise<World> {
  const world = await makeWorld({ monitor: null, ...options, started: false });
  const script =
    'test ! -e "$1/broken" || { echo "$KEYWARDEN_VERSION is not liked"; exit 3; }; echo "$KEYWARDEN_VERSION" >> "$1/reloads"';
  const exec = ['/bin/sh', '-c', script, 'reload', world.folder];
  await world.configure({ monitor: null, ...options, publish: { file: { onChange: { exec } } } });
  await world.start();
  return world;
}

/** The versions for which the hook ran, in order. */
async function reloads(world: World): Promise<readonly string[]> {
  const text = await readFile(join(world.folder, 'reloads'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

async function breakHook(world: World): Promise<() => Promise<void>> {
  await writeFile(join(world.folder, 'broken'), '');
  return () => rm(join(world.folder, 'broken'));
}

test('a hook runs once for each version that arrives, over restarts and checks', async () => {
  const world = await hooked();
  expect(await reloads(world)).toEqual(['1']);
  await world.restart();
  await world.advance('3d');
  await world.rotate();
  await world.advance('2m');
  expect(await reloads(world)).toEqual(['1', '2']);
  await world.restart();
  await world.advance('5d');
  expect(await reloads(world)).toEqual(['1', '2']);
});

test('a hook does not run for a value that stood there before Keywarden came', async () => {
  const world = await makeWorld({ monitor: null, started: false, firstSecret: false });
  const first = world.sandbox.frameflow.firstKey.value;
  await writeFile(join(world.folder, 'app.env'), `FRAMEFLOW_API_KEY=${first}\n`, { mode: 0o600 });
  const exec = ['/bin/sh', '-c', 'echo "$KEYWARDEN_VERSION" >> "$1/reloads"', 'reload', world.folder];
  await world.configure({ monitor: null, firstSecret: false, publish: { file: { onChange: { exec } } } });
  await world.start();
  await world.file.expectVersion(1);
  expect(await reloads(world)).toEqual([]);
  await world.rotate();
  await world.advance('2m');
  expect(await reloads(world)).toEqual(['2']);
});

test('a hook that fails is tried again, told after the third time, and its end is told too', async () => {
  const world = await hooked();
  const repair = await breakHook(world);
  await world.rotate();
  const file = () =>
    world.credential().then(({ destinations }) => destinations.find(({ id }) => id.startsWith('file:')));
  await world.until(async () => (await file())?.hook?.attempts === 2, '5m');
  expect(await world.alerts('hook-failed')).toEqual([]);
  await world.until(async () => (await file())?.hook?.attempts === 3, '5m');
  expect(await world.alerts('hook-failed')).toMatchObject([{ severity: 'warning', state: 'triggered' }]);
  await world.file.expectVersion(2);

  await repair();
  await world.advance('10m');
  expect(await reloads(world)).toEqual(['1', '2']);
  expect(world.slack.counts()).toMatchObject({ 'hook-failed': 1, 'hook-failed resolved': 1 });
});

test('each failed run is one line of the log, with what the command said', async () => {
  const world = await hooked();
  await breakHook(world);
  await world.rotate();
  const from = world.logged.length;
  const hook = async () => (await world.credential()).destinations.find((each) => each.hook !== null)?.hook;
  await world.until(async () => (await hook())?.attempts === 2, '5m');
  const lines = world.logged.slice(from).map((line) => JSON.parse(line));
  const failed = lines.filter((line) => JSON.stringify(line).includes('is not liked'));
  const output = '2 is not liked';
  expect(failed).toEqual(Array(2).fill(expect.objectContaining({ level: 'warn', output })));
});

test('a hook that still fails towards the end of the overlap wakes somebody', async () => {
  const world = await hooked();
  await breakHook(world);
  await world.rotate();
  await world.advance('2d');
  expect(world.pagerduty.incidents('hook-failed')).toEqual([]);
  await world.advance(0.5 * DAY);
  world.pagerduty.expectTriggered('hook-failed');
});

test('a version that arrives while the hook fails takes the place of the one it was owed for', async () => {
  const world = await hooked();
  const repair = await breakHook(world);
  await world.rotate();
  await world.advance('5m');
  await world.rotate({ emergency: true });
  await world.advance('5m');
  await repair();
  await world.advance('2h');
  expect(await reloads(world)).toEqual(['1', '3']);
});

test('a process that is killed anywhere between the publication and the end of its hook runs it at least once, and at most twice', async () => {
  const passed: string[] = [];
  let killAt: string | null = null;
  const world = await hooked({
    destinations: ['file'],
    killable: (name) => {
      passed.push(name);
      const here = name === killAt;
      if (here) killAt = null;
      return here;
    },
  });
  const rotate = async () => {
    passed.length = 0;
    await world.rotate();
    await world.until(async () => (await world.rotation()).state === 'completed', '4d');
  };
  await rotate();
  const from = passed.findIndex((name) => name.startsWith('before publish at'));
  const to = passed.findIndex((name) => name.startsWith('after the commit of hook'));
  const moments = passed.slice(from, to + 1);
  expect(moments.length).toBeGreaterThan(6);
  for (const moment of moments) {
    killAt = moment;
    const before = (await reloads(world)).length;
    await rotate();
    const { versions } = await world.credential();
    const ran = (await reloads(world)).slice(before);
    expect([killAt, new Set(ran)], moment).toEqual([null, new Set([String(versions[0]?.number)])]);
    expect(ran.length, moment).toBeLessThanOrEqual(2);
  }
});
