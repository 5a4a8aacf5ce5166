import { DAY, formatDuration } from '../../model/index.ts';
import { type Fault, faultAt } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { placeOf } from '../tree.ts';
import { subjectsOf } from './subject.ts';

/** What a call needs to go through before the key has ended: it may fail for a while, and clocks differ. */
const MARGIN = DAY;

/** Keys kept alive that need it not, and keys that would have ended by then. */
export function keepAliveFaults(draft: Draft): readonly Fault[] {
  return subjectsOf(draft).flatMap(({ path, credential: { keepAlive }, provider, policy }) => {
    if (keepAlive === undefined) return [];
    const at = [...path, 'keepAlive'];
    const place = placeOf(draft.tree, at);
    if (policy.inactivity === null) {
      const problem = `keys of kind ${provider.kind} do not end by inactivity`;
      return [faultAt(place, at, { problem, hint: 'remove it' })];
    }
    const longest = policy.inactivity - MARGIN;
    if (typeof keepAlive !== 'number' || keepAlive <= longest) return [];
    const limit = formatDuration(policy.inactivity);
    const expected = `a duration of at most ${formatDuration(longest)} (a key unused for ${limit} ends), or off`;
    return [faultAt(place, at, { expected, found: formatDuration(keepAlive) })];
  });
}
