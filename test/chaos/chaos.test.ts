import { expect, test } from 'vitest';
import { runChaos } from './chaos.ts';

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
