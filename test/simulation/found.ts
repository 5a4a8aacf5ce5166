import type { Bug } from './bugs.ts';
import { planOf } from './plan.ts';
import type { Runner } from './run-seed.ts';

export type Found = {
  readonly bug: Bug;
  /** The bug showed at this seed, counted from 1; null: not at all. */
  readonly seeds: number | null;
  /** `invariant 4`, or `defect`. */
  readonly by: string;
};

/** Runs seeds until one fails. */
export async function foundWithin(runner: Runner, bug: Bug, limit: number): Promise<Found> {
  for (let seed = 1; seed <= limit; seed += 1) {
    const { failed } = await runner.run({ plan: planOf(seed), bent: bug.bent });
    if (failed !== null) return { bug, seeds: seed, by: failed.invariant };
  }
  return { bug, seeds: null, by: 'nothing' };
}

/** As the README has it. */
export function tableOf(found: readonly Found[]): string {
  const rows = found.map(
    ({ bug, seeds, by }) => `| \`${bug.name}\` | ${bug.what} | ${seeds ?? 'none'} | ${by} |`,
  );
  return ['| bug | what is wrong | found at seed | by |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
