import { afterAll, beforeAll, expect, test } from 'vitest';
import { runChaos } from './chaos.ts';
import { killGrants } from './grants.ts';
import { bundleDaemon, type Program } from './program.ts';

const KILLS = 20;

let daemon: Program;
beforeAll(async () => {
  daemon = await bundleDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

test('SIGKILL at any moment, while keys are replaced and faults come and go: no call of an application fails, and nothing is lost', {
  timeout: 300_000,
}, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { faults, calls, keys, trace } = await runChaos({ seed, kills: KILLS, program: daemon.file });
  const replay = `npm run test:chaos -- --kills ${KILLS} --seed ${seed}`;
  expect(faults, `${replay}\n${faults.length === 0 ? '' : trace.join('\n')}`).toEqual([]);
  expect(calls).toBeGreaterThan(KILLS);
  expect(keys.minted).toBeGreaterThan(KILLS / 4);
});

const GRANT_KILLS = 5;

test.each([
  ['with a grace of 30 s no grant is lost', 30_000],
  ['without a grace every lost grant was written down before', 0],
])('SIGKILL while 32 grants are refreshed: %s', { timeout: 300_000 }, async (_, graceMs) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const options = { seed, kills: GRANT_KILLS, graceMs, program: daemon.file };
  const { faults, replayed, lost } = await killGrants(options);
  const replay = `npm run test:chaos -- grants --kills ${GRANT_KILLS} --seed ${seed}`;
  expect(faults, replay).toEqual([]);
  // Some were under way at the kills: else nothing was put to the test.
  expect(graceMs > 0 ? replayed : lost).toBeGreaterThan(0);
});
