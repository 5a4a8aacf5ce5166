import type { CredentialSnapshot, Version } from '../model/index.ts';
import type { RotationPolicy } from './policy.ts';
import { fits, lastOpening, nextOpening } from './slots.ts';
import { currentVersion } from './versions.ts';

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
  // A current key with an end (somebody else rotated it): its successor is due at once, window or not.
  if (current.expiresAt !== null) return Math.max(retryAt, Math.min(now, current.expiresAt));
  return Math.max(retryAt, scheduledAt(policy, current, spread, now));
}

/**
 * When the successor of `current` is minted by the schedule: the last fitting slot before its age reaches `every`,
 * `jitter` spread ahead of that. A slot that has passed unused is made up for in the next opening of the window.
 */
export function scheduledAt(policy: RotationPolicy, current: Version, spread: number, now: number): number {
  if (policy.first === 'now' && current.number === 1 && current.origin !== 'minted') return current.createdAt;
  const bound = current.createdAt + policy.every - Math.floor(policy.jitter * spread);
  const constraint = { window: policy.window, overlapEnd: policy.overlapEnd, overlap: policy.overlap };
  const planned = fits(bound, constraint) ? bound : lastOpening(bound, constraint);
  const slot = planned !== null && planned > current.createdAt ? planned : bound;
  if (now <= slot || fits(now, constraint)) return slot;
  return nextOpening(now, constraint) ?? slot;
}
