import { beforeAll, describe, expect, test } from 'vitest';
import { Coverage } from './coverage.ts';
import { Runner } from './run-seed.ts';

const SEEDS = 500;
/** A test of its own for so many, so that a failure is told soon. */
const BATCH = 50;

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
});

describe('every invariant holds', () => {
  const coverage = new Coverage();

  test.each(Array.from({ length: SEEDS / BATCH }, (_, index) => 1 + index * BATCH))(
    `over ${BATCH} seeds from %i on`,
    { timeout: 300_000 },
    async (first) => {
      for (let seed = first; seed < first + BATCH; seed += 1) {
        const ran = await runner.seed(seed);
        expect(ran.failed?.message ?? null, `npm run sim -- --seed ${seed} --runs 1`).toBeNull();
        coverage.add(ran.reached);
      }
    },
  );

  test('and together they reached every pair of effect and fault (invariant 12)', () => {
    expect(coverage.missing).toEqual([]);
  });
});
