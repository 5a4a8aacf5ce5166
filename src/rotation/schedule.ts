import type { CredentialSnapshot, Version } from '../model/index.ts';
import type { RotationPolicy } from './policy.ts';
import { fits, lastOpening, nextOpening, type SlotConstraint } from './slots.ts';
import { currentVersion, overlapEnd } from './versions.ts';

/** Nothing is due before this; null: nothing is due at all (no current version). */
export function nextRotationAt(
  policy: RotationPolicy,
  snapshot: CredentialSnapshot,
  spread: number,
  now: number,
): number | null {
  const current = currentVersion(snapshot.versions);
  if (current === null) return null;
  const retryAt = snapshot.record.retryAt ?? 0;
  // A current key with an end (somebody else rotated it): its successor is due at once, window and pause or not.
  if (current.expiresAt !== null) return Math.max(retryAt, Math.min(now, current.expiresAt));
  // So is that of one that is known to others.
  if (current.compromisedAt !== null) return Math.max(retryAt, now);
  const { pause } = snapshot.record;
  if (pause !== null && pause.until === null) return null;
  // A rotation that failed is tried again, whoever had asked for it.
  const dueAt =
    snapshot.record.attempts > 0
      ? openingFrom(Math.max(retryAt, now), policy)
      : Math.max(retryAt, scheduledAt(policy, current, spread, now));
  // The overlap of a rotation that an emergency superseded is still one.
  return Math.max(dueAt, pause?.until ?? 0, overlapEnd(snapshot.versions, now) ?? 0);
}

/**
 * When the successor of `current` is minted by the schedule: the last fitting slot before its age reaches `every`,
 * `jitter` spread ahead of that. A slot that has passed unused is made up for in the next opening of the window.
 */
function scheduledAt(policy: RotationPolicy, current: Version, spread: number, now: number): number {
  if (policy.first === 'now' && current.number === 1 && current.origin !== 'minted') return current.createdAt;
  const bound = current.createdAt + policy.every - Math.floor(policy.jitter * spread);
  const planned = fits(bound, policy) ? bound : lastOpening(bound, policy);
  const slot = planned !== null && planned > current.createdAt ? planned : openingFrom(bound, policy);
  return now <= slot || fits(now, policy) ? slot : openingFrom(now, policy);
}

/** The first moment from `at` on that fits; `at` itself where none does. */
function openingFrom(at: number, constraint: SlotConstraint): number {
  return fits(at, constraint) ? at : (nextOpening(at, constraint) ?? at);
}
