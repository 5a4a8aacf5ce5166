import type { Change, GrantDue } from '../model/index.ts';

/**
 * Folds speak the provider's time, the loop wakes by ours: due times that lie so far from `theirs` are made to lie as
 * far from `ours`.
 */
export function dueByOurClock(changes: readonly Change[], theirs: number, ours: number): readonly Change[] {
  if (theirs === ours) return changes;
  return changes.map((change) => {
    if (change.type === 'work.wake') return { ...change, at: change.at - theirs + ours };
    if (change.type === 'grant.wake') return { ...change, due: moved(change.due, ours - theirs) };
    if (change.type === 'grant.put' && change.due !== undefined)
      return { ...change, due: moved(change.due, ours - theirs) };
    if (change.type !== 'work.put') return change;
    return { ...change, work: { ...change.work, dueAt: change.work.dueAt - theirs + ours } };
  });
}

function moved(due: GrantDue, by: number): GrantDue {
  return { ...due, at: due.at + by };
}
