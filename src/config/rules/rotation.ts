import { DAY, formatDuration } from '../../model/index.ts';
import type { RotationPolicy } from '../../rotation/policy.ts';
import { nextOpening } from '../../rotation/slots.ts';
import { type Fault, faultAt, type KeyPath } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { settleOf } from '../policy.ts';
import { find, placeOf } from '../tree.ts';
import { subjectsOf } from './subject.ts';

/** A provider whose new keys would be given up before they are first believed. */
export function settleFaults({ tree, parsed }: Draft): readonly Fault[] {
  return Object.entries(parsed.providers ?? {}).flatMap(([name, provider]) => {
    const settle = settleOf(provider);
    if (settle.minimum < settle.budget) return [];
    const path = ['providers', name, 'settle', 'minimum'];
    const expected = `a duration shorter than settle.budget (${formatDuration(settle.budget)})`;
    return [faultAt(placeOf(tree, path), path, { expected, found: formatDuration(settle.minimum) })];
  });
}

/**
 * Durations of a credential that cannot all hold. Where a person makes the keys none of them counts: an old key works
 * until it is revoked.
 */
export function rotationFaults(draft: Draft): readonly Fault[] {
  return subjectsOf(draft).flatMap(({ name, path, policy }) => {
    if (policy.mode === 'guided') return [];
    const rotation = [...path, 'rotation'];
    return [
      ...lengthFaults(draft, rotation, policy),
      ...slotFaults(draft, rotation, policy),
      ...lagFaults(draft, name, policy),
    ];
  });
}

function lengthFaults(draft: Draft, path: KeyPath, policy: RotationPolicy): readonly Fault[] {
  const { every, overlap, jitter, settle } = policy;
  const faults: Fault[] = [];
  if (overlap >= every) faults.push(tooLong(draft, path, 'overlap', overlap, every, 'every'));
  if (jitter >= every) faults.push(tooLong(draft, path, 'jitter', jitter, every, 'every'));
  if (settle.budget >= overlap && overlap < every) {
    faults.push(tooLong(draft, path, 'overlap', overlap, settle.budget, 'settle.budget', 'longer'));
  }
  return faults;
}

/** Of two durations, points at the one that was written. */
function tooLong(
  draft: Draft,
  path: KeyPath,
  key: string,
  length: number,
  limit: number,
  other: string,
  order: 'shorter' | 'longer' = 'shorter',
): Fault {
  const own = [...path, key];
  const at = find(draft.tree, own) === undefined ? [...path, other] : own;
  return faultAt(placeOf(draft.tree, at), own, {
    expected: `a duration ${order} than ${other} (${formatDuration(limit)})`,
    found: formatDuration(length),
  });
}

/** Any moment: windows repeat weekly, and the look ahead spans more than a week. */
const START = Date.UTC(2026, 0, 1);

/** A window in which no rotation could ever begin, or too seldom for `every`. */
function slotFaults({ tree }: Draft, path: KeyPath, policy: RotationPolicy): readonly Fault[] {
  if (policy.window === null) return [];
  const at = [...path, 'window'];
  const openings: number[] = [];
  for (let from = START; openings.length < 10; ) {
    const opening = nextOpening(from, policy);
    if (opening === null) break;
    openings.push(opening);
    from = opening + DAY;
  }
  if (openings.length === 0) {
    const problem = `never fits: an overlap of ${formatDuration(policy.overlap)} from then would always end on a weekend`;
    return [faultAt(placeOf(tree, at), at, { problem, hint: 'move the window or set overlapEnd: any' })];
  }
  const gap = Math.max(...openings.slice(1).map((opening, index) => opening - (openings[index] ?? opening)));
  if (gap <= policy.every) return [];
  const problem = `opens only every ${formatDuration(gap)}, too seldom to rotate every ${formatDuration(policy.every)}`;
  return [faultAt(placeOf(tree, at), at, { problem, hint: 'add days to the window or lengthen every' })];
}

/** Readers that cache longer than the old key lives would fail at its end. */
function lagFaults(
  { tree, publications }: Draft,
  name: string,
  { overlap }: RotationPolicy,
): readonly Fault[] {
  return publications
    .filter(({ credential, entry }) => credential === name && entry.consumerLag >= overlap)
    .map(({ path, entry }) => {
      const at = [...path, 'consumerLag'];
      const expected = `a duration shorter than the overlap (${formatDuration(overlap)})`;
      return faultAt(placeOf(tree, at), at, { expected, found: formatDuration(entry.consumerLag) });
    });
}
