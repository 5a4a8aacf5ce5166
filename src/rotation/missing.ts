import type { Rotation } from '../model/index.ts';
import type { Situation } from './situation.ts';

/** The configured destinations that do not have the rotation's version yet. */
export function missing({ destinations, snapshot }: Situation, rotation: Rotation): string[] {
  return destinations
    .filter(({ id }) => {
      const known = snapshot.destinations.find((destination) => destination.id === id);
      return known?.state !== 'published' || known.versionId !== rotation.newVersionId;
    })
    .map(({ id }) => id);
}
