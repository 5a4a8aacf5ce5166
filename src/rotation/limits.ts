import { MINUTE, SECOND } from '../model/index.ts';

/** How many answers without a usable key are asked for again before a person is called. */
export const UNUSABLE_LIMIT = 3;

/** How often a fresh key is tried while it settles, ms. */
export const VERIFY_EVERY = 2 * SECOND;

/** How often it is tried in the background once the budget is spent, ms. */
export const VERIFY_LATE_EVERY = MINUTE;
