import { HOUR } from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';

/** Calls of one process in an hour: a fresh key tried every 2 s for its budget, every minute after, and some to spare. */
const BUDGET = 600;

/** 11. Provider calls an hour stay within the budget: no retry storm. */
export function withinBudget(world: World): Invariant {
  const calls: number[] = [];
  const count = () => {
    calls.push(world.time);
    while ((calls[0] ?? 0) < world.time - HOUR) calls.shift();
    if (calls.length > BUDGET * world.plan.engines)
      world.fail(self, `${calls.length} calls to the provider within an hour`);
  };
  const self: Invariant = { number: 11, name: 'no retry storm', onMint: count, onCall: count };
  return self;
}
