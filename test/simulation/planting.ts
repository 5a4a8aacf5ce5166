import type { Change } from '../../src/model/index.ts';
import type { Rules } from '../../src/rotation/index.ts';
import type { State } from '../../src/state/contract.ts';
import { STRAIGHT } from './bent.ts';
import type { Bent } from './ground.ts';

/** A defect that the product does not have, planted to see that it would be found. */
export type Bug = { readonly name: string; readonly what: string; readonly bent: Bent };

/** Other rules. */
export const withRules = (changed: Partial<Rules>): Bent => ({
  ...STRAIGHT,
  rules: { ...STRAIGHT.rules, ...changed },
});

/** A state to which changes come otherwise than they were made. */
export const withChanges = (change: (changes: readonly Change[]) => readonly Change[]): Bent => ({
  ...STRAIGHT,
  state: (state): State => ({
    ...state,
    commit: (changes, options) => state.commit(change(changes), options),
  }),
});

/** A state that never gets changes of these types. */
export const without = (...types: readonly Change['type'][]) =>
  withChanges((changes) => changes.filter(({ type }) => !types.includes(type)));
