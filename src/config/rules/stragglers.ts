import { formatDuration } from '../../model/index.ts';
import { type Fault, faultAt } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { traitsOf } from '../policy.ts';
import { find, placeOf } from '../tree.ts';
import { subjectsOf } from './subject.ts';

/** Warnings of an old key's users that could never be given. */
export function stragglerFaults(draft: Draft): readonly Fault[] {
  const { tree } = draft;
  return subjectsOf(draft).flatMap(({ path, credential, provider, policy }) => {
    if (credential.stragglers === undefined) return [];
    const at = [...path, 'stragglers'];
    if (!traitsOf(provider).hasLog) {
      const problem = `providers of kind ${provider.kind} have no log in which users of the old key could be seen`;
      return [faultAt(find(tree, at)?.keyPlace ?? placeOf(tree, at), at, { problem, hint: 'remove it' })];
    }
    return credential.stragglers.warnBefore.flatMap((before, index) => {
      if (before < policy.overlap) return [];
      const own = [...at, 'warnBefore', index];
      const expected = `a duration shorter than the overlap (${formatDuration(policy.overlap)})`;
      return [faultAt(placeOf(tree, own), own, { expected, found: formatDuration(before) })];
    });
  });
}

/** Stragglers that nobody would see: no monitor reads the provider's log. */
export function stragglerWarnings(draft: Draft): readonly Fault[] {
  const read = new Set(Object.values(draft.parsed.monitors ?? {}).map(({ provider }) => provider));
  return subjectsOf(draft).flatMap(({ path, credential, provider }) => {
    if (credential.stragglers === undefined || !traitsOf(provider).hasLog) return [];
    if (read.has(credential.provider)) return [];
    const at = [...path, 'stragglers'];
    const problem = `no monitor reads the log of ${credential.provider}: users of the old key are not seen`;
    const place = find(draft.tree, at)?.keyPlace ?? placeOf(draft.tree, at);
    return [faultAt(place, at, { problem, hint: 'add a monitor of this provider' })];
  });
}
