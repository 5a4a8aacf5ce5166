import { beforeAll, describe, expect, test } from 'vitest';
import { APPLICABLE, EFFECTS, GRANT_EFFECTS, once } from './faults.ts';
import { calmPlan, planOf } from './plan.ts';
import { Runner } from './run-seed.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
});

test('a seed without faults and without people rotates every five days and tells nobody of trouble', async () => {
  const ran = await runner.run({ plan: calmPlan(1, 30), struck: [] });
  expect(ran.failed).toBeNull();
  expect(ran.reached.get('mint')).toBe(6);
});

test('and refreshes each grant about as often as its tokens end', async () => {
  const ran = await runner.run({ plan: calmPlan(1, 30, 2), struck: [] });
  expect(ran.failed).toBeNull();
  expect(ran.reached.get('refresh')).toBeGreaterThan(30);
  expect(ran.reached.get('revoke')).toBe(4);
});

test.each([1, 2, 3, 4, 5, 6])('seed %i twice is the same run, to the last line', async (seed) => {
  const [first, second] = [await runner.seed(seed), await runner.seed(seed)];
  expect(second.hash).toBe(first.hash);
});

test('a run is had again from what struck it', async () => {
  const first = await runner.seed(9);
  const again = await runner.run({ plan: planOf(9), struck: first.struck });
  expect(again.hash).toBe(first.hash);
});

describe.each(EFFECTS)('every invariant holds where %s', (effect) => {
  test.each(APPLICABLE[effect])('meets %s, alone', { timeout: 60_000 }, async (fault) => {
    for (const [nth, seed] of [1, 2, 3, 5].entries()) {
      const plan = calmPlan(seed, 20, GRANT_EFFECTS.includes(effect) ? 1 : 0);
      const ran = await runner.run({ plan, choose: once(effect, fault, nth + 1) });
      expect(ran.failed?.message ?? null, `seed ${seed}, the fault at ${effect} ${nth + 1}`).toBeNull();
      if (nth === 0) expect(ran.struck).toHaveLength(1);
    }
  });
});
