import { type Json, numbers } from '../stored.ts';
import type { Baseline } from './baseline.ts';

const MINUTES_A_YEAR = 525_600;
/** A rise is worth a page from four times what is usual, and from one failure in four minutes. */
const RISE = { times: 4, least: 0.25 } as const;
/** So many failures, less what is taken off, at least. */
const LEAST = 4.5;

/**
 * Page's cumulative sum of a stream's failures (E. S. Page, Continuous Inspection Schemes, 1954) after a bin: the rate
 * λ0 that may well be usual is held against λ1 = max(4·λ0, λ0 + ¼). Each bin adds its failures and takes off
 * (λ1 − λ0)/ln(λ1/λ0); the sum falls below nothing never, and above its limit neither, so that it ends with the drift.
 */
export type Drift = { readonly sum: number; readonly minute: number };

export const NO_DRIFT: Drift = { sum: 0, minute: 0 };

/** @throws {TypeError} where it is damaged */
export function loadDrift(stored: Json | undefined): Drift {
  const [sum = 0, minute = 0] = numbers(stored, 2);
  return { sum, minute };
}

/**
 * What is taken off in each bin of an hour, and above which limit the sum is beyond chance:
 * max(4.5, φ·ln(minutes a year/β)/ln(λ1/λ0)), β being the false alarms allowed a year.
 */
export function termsOf(
  habit: Baseline,
  hour: number,
  perYear: number,
): { readonly off: number; readonly limit: number } {
  const usual = habit.atMost(hour);
  const risen = Math.max(RISE.times * usual, usual + RISE.least);
  const log = Math.log(risen / usual);
  const limit = Math.max(LEAST, (habit.dispersion(1) * Math.log(MINUTES_A_YEAR / perYear)) / log);
  return { off: (risen - usual) / log, limit };
}
