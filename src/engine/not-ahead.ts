import { type CredentialSnapshot, DAY, HOUR, type Rotation } from '../model/index.ts';

/** The longest that anything asks a rotation to wait (a provider's Retry-After), and a failed one to rest. */
const LONGEST_RETRY = HOUR;
const LONGEST_REST = DAY;

/**
 * The snapshot as a clock that was set back must read it: what we noted happened by now, and what would wait for longer
 * than anything ever asks it to is due. Times of the provider are its own and stay.
 */
export function notAhead(snapshot: CredentialSnapshot, now: number): CredentialSnapshot {
  const { record, open } = snapshot;
  return {
    ...snapshot,
    record: { ...record, retryAt: within(record.retryAt, now, LONGEST_REST) },
    versions: snapshot.versions.map((version) => ({
      ...version,
      compromisedAt: earlier(version.compromisedAt, now),
      probedAt: earlier(version.probedAt, now),
    })),
    open: open && rotationNotAhead(open, now),
  };
}

function rotationNotAhead(rotation: Rotation, now: number): Rotation {
  const { intent } = rotation;
  return {
    ...rotation,
    startedAt: Math.min(rotation.startedAt, now),
    preflightedAt: earlier(rotation.preflightedAt, now),
    answeredAt: earlier(rotation.answeredAt, now),
    retryAt: within(rotation.retryAt, now, LONGEST_RETRY),
    intent: intent && { ...intent, committedAt: Math.min(intent.committedAt, now) },
  };
}

function within(at: number | null, now: number, longest: number): number | null {
  return at !== null && at > now + longest ? now : at;
}

function earlier(at: number | null, limit: number): number | null {
  return at === null ? null : Math.min(at, limit);
}
