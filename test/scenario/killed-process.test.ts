import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { ask } from '../support/api.ts';
import { CREDENTIAL } from '../support/settings.ts';
import { makeWorld, type World } from '../support/world.ts';

const KILLS = 10;
const PROGRAM = fileURLToPath(new URL('../support/daemon-process.ts', import.meta.url));

test('SIGKILL at any moment, again and again, while keys are replaced: the application is never refused', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const world = await makeWorld({
    destinations: ['file'],
    started: false,
    monitor: null,
    provider: { settle: { minimum: '0s', successes: 1 }, rateShare: 1, tier: { requestsPerMinute: 60_000 } },
    // The provider's own clock is the machine's here, as the daemon's is.
    sandbox: { now: Date.now, overlapMs: 30_000, tier: { requestsPerMinute: 60_000 } },
  });
  const work = new AbortController();
  const faults: string[] = [];
  const application = useTheKey(world, work.signal, faults);
  const operator = rotateAllTheTime(world, work.signal);
  let child = await startProcess(world);
  onTestFinished(() => void child.kill('SIGKILL'));
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const keys = world.sandbox.frameflow.keys().length;
    // At least one key was minted in this life; then any moment of the next rotations.
    while (world.sandbox.frameflow.keys().length === keys) await milliseconds(1);
    await milliseconds(random() * 150);
    child.kill('SIGKILL');
    await once(child, 'exit');
    child = await startProcess(world);
  }
  work.abort();
  await Promise.all([application, operator]);
  child.kill('SIGTERM');
  expect(await once(child, 'exit'), `seed ${seed}`).toEqual([0, null]);

  expect(faults, `seed ${seed}`).toEqual([]);
  expect(world.application.calls).toBeGreaterThan(KILLS);
  await expectNoKeyLost(world, seed);
}, 90_000);

async function startProcess(world: World): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, world.configFile], {
    cwd: world.folder,
    // Nine of the ten starts need not compile what the first one did.
    env: { ...process.env, ...world.env, NODE_COMPILE_CACHE: join(world.folder, 'compiled') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8');
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    if (String(text).includes('ready')) break;
  }
  child.stdout.resume();
  return child;
}

async function useTheKey(world: World, signal: AbortSignal, faults: string[]): Promise<void> {
  while (!signal.aborted) {
    faults.push(...(await world.application.work()));
    await milliseconds(2);
  }
}

/** An operator's script that replaces the key as soon as it may; while no daemon listens it knocks again. */
async function rotateAllTheTime(world: World, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const keys = world.sandbox.frameflow.keys().length;
    const asked = await askForRotation(world).catch(() => 0);
    // An emergency takes the place of one that has not been sent yet: this one gets the time to be.
    for (let waited = 0; asked === 202 && waited < 300; waited += 5) {
      if (signal.aborted || world.sandbox.frameflow.keys().length > keys) break;
      await milliseconds(5);
    }
    await milliseconds(5);
  }
}

/** The status of the answer. */
async function askForRotation(world: World): Promise<number> {
  const { status } = await ask(world, `/v1/credentials/${CREDENTIAL}/rotate`, {
    token: world.env.ADMIN_TOKEN,
    method: 'POST',
    body: { emergency: true, reason: 'killed over and over' },
  });
  return status;
}

/** Every key that works is one that the state holds. */
async function expectNoKeyLost(world: World, seed: number): Promise<void> {
  await world.start();
  const { versions } = await world.credential();
  const held = new Set(versions.map(({ keyId }) => keyId));
  const minted = world.sandbox.frameflow.keys().slice(2);
  expect(
    minted.filter(({ id }) => !held.has(id)),
    `seed ${seed}`,
  ).toEqual([]);
  expect(minted.length, `seed ${seed}`).toBeGreaterThanOrEqual(KILLS);
}

function milliseconds(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
