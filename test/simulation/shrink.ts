import type { Struck } from './faults.ts';
import type { Bent } from './ground.ts';
import type { Plan, PlannedAct } from './plan.ts';
import type { Ran, Runner } from './run-seed.ts';

/** One thing that a run can be had without. */
type Choice = { readonly struck: Struck } | { readonly act: PlannedAct };

/** Runs that a shrinking may take. */
const LIMIT = 150;

/**
 * The smallest run found that fails the same way: first without halves, quarters, … of what struck and of what people
 * did, then with fewer engines, destinations and days.
 */
export async function shrink(runner: Runner, failing: Ran, bent?: Bent): Promise<Ran> {
  let best = failing;
  let runs = 0;
  const fails = async (plan: Plan, struck: readonly Struck[]): Promise<boolean> => {
    runs += 1;
    if (runs > LIMIT) return false;
    const ran = await runner.run({ plan, struck, ...(bent === undefined ? {} : { bent }) });
    if (ran.failed?.invariant !== failing.failed?.invariant) return false;
    best = ran;
    return true;
  };
  await fails(best.plan, best.struck);
  await withoutParts(best, fails, () => best);
  for (const engines of [1, 2]) {
    if (engines < best.plan.engines && (await fails({ ...best.plan, engines }, best.struck))) break;
  }
  for (const days of [4, 7, 12, 20]) {
    if (days < best.plan.days && (await fails({ ...best.plan, days }, best.struck))) break;
  }
  for (const place of best.plan.places) {
    const places = best.plan.places.filter((each) => each !== place);
    if (places.length > 0) await fails({ ...best.plan, places }, best.struck);
  }
  return best;
}

async function withoutParts(
  { plan, struck }: Ran,
  fails: (plan: Plan, struck: readonly Struck[]) => Promise<boolean>,
  best: () => Ran,
): Promise<void> {
  let choices: readonly Choice[] = [
    ...struck.map((each) => ({ struck: each })),
    ...plan.acts.map((act) => ({ act })),
  ];
  for (
    let size = Math.ceil(choices.length / 2);
    size >= 1 && choices.length > 0;
    size = Math.floor(size / 2)
  ) {
    for (let from = 0; from < choices.length; ) {
      const fewer = [...choices.slice(0, from), ...choices.slice(from + size)];
      const kept = fewer.flatMap((choice) => ('struck' in choice ? [choice.struck] : []));
      const acts = fewer.flatMap((choice) => ('act' in choice ? [choice.act] : []));
      if (await fails({ ...best().plan, acts }, kept)) choices = fewer;
      else from += size;
    }
  }
}
