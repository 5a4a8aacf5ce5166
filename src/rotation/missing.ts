import type { Rotation } from '../model/index.ts';
import type { Situation } from './situation.ts';
import { beganWith } from './steps.ts';

/**
 * The destinations that do not have the rotation's version yet, of those that were configured when it began and still
 * are: one that was added since is brought the current version too, and holds up nothing, as does an agent that is not
 * heard of.
 */
export function missing({ destinations, snapshot, steps }: Situation, rotation: Rotation): string[] {
  return destinations
    .filter(({ silentSince }) => silentSince === undefined)
    .filter(({ id }) => beganWith(steps, id))
    .filter(({ id }) => {
      const known = snapshot.destinations.find((destination) => destination.id === id);
      // What somebody put there afterwards is drift, and no business of the rotation's.
      const arrived = known?.state === 'published' || known?.state === 'drifted';
      return !arrived || known.versionId !== rotation.newVersionId;
    })
    .map(({ id }) => id);
}
