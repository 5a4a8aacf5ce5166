import { expect, test } from 'vitest';
import { runChaos } from './chaos.ts';
import { killGrants } from './grants.ts';

const KILLS = 20;

test('SIGKILL at any moment, while keys are replaced and faults come and go: no call of an application fails, and nothing is lost', {
  timeout: 300_000,
}, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { faults, calls, keys, trace } = await runChaos(seed, KILLS);
  const replay = `npm run test:chaos -- --kills ${KILLS} --seed ${seed}`;
  expect(faults, `${replay}\n${faults.length === 0 ? '' : trace.join('\n')}`).toEqual([]);
  expect(calls).toBeGreaterThan(KILLS);
  expect(keys.minted).toBeGreaterThan(KILLS / 4);
});

/** Each start costs a second, and what was lost is found only when its access token ends. */
const GRANT_KILLS = 5;

test.each([
  ['with a grace of 30 s no grant is lost', 30_000],
  ['without a grace every lost grant was written down before', 0],
])('SIGKILL while 32 grants are refreshed: %s', { timeout: 300_000 }, async (_, graceMs) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { faults, server } = await killGrants({ seed, kills: GRANT_KILLS, graceMs });
  const replay = `npm run test:chaos -- grants --kills ${GRANT_KILLS} --seed ${seed}`;
  expect(faults, replay).toEqual([]);
  expect(server.refreshed).toBeGreaterThan(32);
});
