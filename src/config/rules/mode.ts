import { formatDuration } from '../../model/index.ts';
import { type Fault, faultAt } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { traitsOf } from '../policy.ts';
import { placeOf, type Tree } from '../tree.ts';
import { type Subject, subjectsOf } from './subject.ts';

/** What only a rotation that Keywarden carries out itself goes by. */
const AUTOMATIC_ONLY = ['overlap', 'first', 'jitter', 'window', 'overlapEnd'] as const;

/** Who makes the keys, and what is said to the other one. */
export function modeFaults(draft: Draft): readonly Fault[] {
  return subjectsOf(draft).flatMap((subject) => [
    ...impossibleMode(draft.tree, subject),
    ...(subject.policy.mode === 'guided'
      ? [...automaticKeys(draft.tree, subject), ...earlyReminders(draft.tree, subject)]
      : guidedKeys(draft.tree, subject)),
  ]);
}

function impossibleMode(tree: Tree, { path, credential, provider }: Subject): readonly Fault[] {
  if (credential.rotation?.mode !== 'automatic' || traitsOf(provider).rotates) return [];
  const at = [...path, 'rotation', 'mode'];
  const problem = `keys of kind ${provider.kind} are made by a person: Keywarden cannot mint them`;
  return [faultAt(placeOf(tree, at), at, { problem, hint: 'write mode: guided, or leave it out' })];
}

function automaticKeys(tree: Tree, { path, credential }: Subject): readonly Fault[] {
  return AUTOMATIC_ONLY.filter((key) => credential.rotation?.[key] !== undefined).map((key) => {
    const at = [...path, 'rotation', key];
    const hint =
      'in guided rotation a person makes each key and says when the old one was revoked; remove it';
    return faultAt(placeOf(tree, at), at, { problem: 'stands beside mode: automatic only', hint });
  });
}

function guidedKeys(tree: Tree, { path, credential }: Subject): readonly Fault[] {
  const at = [...path, 'rotation', 'remindBefore'];
  if (credential.rotation?.remindBefore === undefined) return [];
  return [faultAt(placeOf(tree, at), at, { problem: 'stands beside mode: guided only' })];
}

/** Reminders that would come before the key, or its last use, of which they remind. */
function earlyReminders(tree: Tree, { path, credential, policy }: Subject): readonly Fault[] {
  const { every, inactivity, keepAlive } = policy;
  const ends = inactivity !== null && keepAlive === null && inactivity < every;
  const limit = ends ? inactivity : every;
  const what = ends ? 'the inactivity that ends a key' : 'every';
  return (credential.rotation?.remindBefore ?? []).flatMap((before, index) => {
    if (before < limit) return [];
    const at = [...path, 'rotation', 'remindBefore', index];
    const expected = `a duration shorter than ${what} (${formatDuration(limit)})`;
    return [faultAt(placeOf(tree, at), at, { expected, found: formatDuration(before) })];
  });
}
