import type { Alert, Evidence } from '../model/index.ts';

type Piece = readonly [name: string, value: Evidence[string]];

/** What a person who was woken reads first: from where, with what, against which habit, in which course, with what else. */
const FIRST: readonly string[] = ['sources', 'userAgents', 'usual', 'baseline', 'pace', 'also', 'gotIn'];

/** What has been said elsewhere, or helps nobody at night. */
const LAST: readonly string[] = [
  ...['paths', 'of', 'window', 'newNetwork', 'count', 'countries', 'owner', 'requestIds'],
  ...['firstEventAt', 'lastEventAt', 'keyId', 'ips'],
];

/** For machines, or what `firstEventAt` and `lastEventAt` say as well. */
const UNSHOWN: ReadonlySet<string> = new Set(['expected', 'first', 'last']);

/**
 * An alert's evidence as a person reads it. What the log watch found is ordered: the telling first, addresses without
 * their networks last, without what is there twice; what is known to neither list stands between both.
 *
 * @example evidenceOf({ …, evidence: { count: 60, ips: ['198.51.100.7'], pace: '▁▇ (1 min each)' } }) // pace, count, ips
 */
export function evidenceOf({ monitor, evidence }: Pick<Alert, 'monitor' | 'evidence'>): readonly Piece[] {
  const pieces = Object.entries(evidence);
  if (monitor === undefined) return pieces;
  const { keyId, keys } = evidence;
  const ownKey = Array.isArray(keys) && keys.length === 1 && keys[0] === keyId;
  return pieces
    .filter(([name]) => !UNSHOWN.has(name) && !(ownKey && name === 'keys'))
    .sort(([a], [b]) => rankOf(a) - rankOf(b));
}

function rankOf(name: string): number {
  const first = FIRST.indexOf(name);
  return first >= 0 ? first - FIRST.length : LAST.indexOf(name) + 1;
}
