import { isDeepStrictEqual } from 'node:util';
import { type Fault, faultAt } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { placeOf } from '../tree.ts';

/** Two credentials that begin with one key: the rotation of either would end the other's. */
export function sharedKeyFaults({ tree, parsed }: Draft): readonly Fault[] {
  const credentials = Object.entries(parsed.credentials ?? {});
  return credentials.flatMap(([name, { secret }], index) => {
    const first = credentials.findIndex(
      ([, other]) => secret !== undefined && isDeepStrictEqual(other.secret?.origin, secret.origin),
    );
    if (first === -1 || first === index) return [];
    const path = ['credentials', name, 'secret'];
    const problem = `is the first key of ${credentials[first]?.[0]} too: the rotation of either would end the other's`;
    const hint = 'give each a key of its own, or publish one credential to all places';
    return [faultAt(placeOf(tree, path), path, { problem, hint })];
  });
}
