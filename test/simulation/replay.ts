import { readFileSync, writeFileSync } from 'node:fs';
import type { Struck } from './faults.ts';
import type { Plan } from './plan.ts';
import type { Ran } from './run-seed.ts';

/** A run, as a file holds it: all that it takes to have it again. */
export type Recorded = {
  readonly failed: string;
  readonly hash: string;
  readonly plan: Plan;
  readonly struck: readonly Struck[];
  /** The planted bug, where there was one. */
  readonly bug: string | null;
};

export function record(file: string, ran: Ran, bug: string | null): void {
  const { failed, hash, plan, struck } = ran;
  const recorded: Recorded = { failed: failed?.message ?? '', hash, bug, plan, struck };
  writeFileSync(file, `${JSON.stringify(recorded, null, 1)}\n`);
}

/** @throws {Error} where the file cannot be read or is none of ours */
export function readRecorded(file: string): Recorded {
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as Partial<Recorded>;
  if (recorded.plan === undefined || recorded.struck === undefined)
    throw new Error(`${file} holds no recorded run`);
  return { failed: '', hash: '', bug: null, plan: recorded.plan, struck: recorded.struck, ...recorded };
}
