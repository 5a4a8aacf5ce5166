import type { MakeInvariant } from '../ground.ts';
import { authenticates } from './authenticates.ts';
import { deadOrTold } from './dead-or-told.ts';
import { endsWell } from './ends-well.ts';
import { handedOut } from './handed-out.ts';
import { heldOrTold } from './held-or-told.ts';
import { intentFirst } from './intent-first.ts';
import { legal } from './legal.ts';
import { lossesMarked } from './losses-marked.ts';
import { neverDown } from './never-down.ts';
import { noSecret } from './no-secret.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { overlapRule } from './overlap-rule.ts';
import { presentedOnce } from './presented-once.ts';
import { told } from './told.ts';
import { withinBudget } from './within-budget.ts';

/** By number. The twelfth, coverage, is about many runs: see `coverage.ts`. */
export const INVARIANTS: readonly MakeInvariant[] = [
  authenticates,
  heldOrTold,
  oneAtATime,
  intentFirst,
  overlapRule,
  endsWell,
  told,
  neverDown,
  legal,
  noSecret,
  withinBudget,
  presentedOnce,
  lossesMarked,
  deadOrTold,
  handedOut,
];
