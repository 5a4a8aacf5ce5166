import type { Signal } from '../model/index.ts';
import { agentsGone } from './agents.ts';
import { lateDestinations, nextDeadline } from './deadlines.ts';
import { exposures, nextExposureMoment } from './exposure.ts';
import { guidedReminders, keepAliveAt, nextGuidedMoment } from './guided.ts';
import { nextRollbackMoment, rollbackEnds } from './rollback.ts';
import type { Situation } from './situation.ts';
import { nextStragglerMoment, oldKeyInUse } from './stragglers.ts';

/**
 * What holds now and ought to be told, whatever happened or did not happen: read from the situation alone, so that it
 * is told also when the code that should have acted never ran.
 */
export function standing(situation: Situation, now: number): Signal[] {
  return [
    ...lateDestinations(situation, now),
    ...agentsGone(situation, now),
    ...oldKeyInUse(situation, now),
    ...rollbackEnds(situation, now),
    ...guidedReminders(situation, now),
    ...exposures(situation, now),
  ];
}

/** The next moment at which something of it changes, or something is due beside the rotation; null: none is known. */
export function nextMoment(situation: Situation, now: number): number | null {
  const moments = [
    nextDeadline(situation, now),
    nextStragglerMoment(situation, now),
    nextRollbackMoment(situation, now),
    nextGuidedMoment(situation, now),
    keepAliveAt(situation),
    nextExposureMoment(situation, now),
  ];
  const known = moments.filter((moment) => moment !== null);
  return known.length === 0 ? null : Math.min(...known);
}
