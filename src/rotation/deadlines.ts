import type { Failure, Rotation, Severity, Signal } from '../model/index.ts';
import { formatDuration, MINUTE } from '../model/index.ts';
import { isAgent, silentAgents } from './agents.ts';
import { missing } from './missing.ts';
import { isRolledBack } from './rolled-back.ts';
import { raise } from './signals.ts';
import type { Situation } from './situation.ts';
import { versionById } from './versions.ts';

/** Shares of the overlap after which a destination without the new version is told: a warning, then a page. */
const WARN_AT = 0.5;
const PAGE_AT = 0.8;

/**
 * How grave it is that a destination lacks the rotation's version now; null while there is time. Its readers cache for
 * `consumerLag` ms: that much less is left.
 */
export function lateness(rotation: Rotation, consumerLag: number, now: number): Severity | null {
  const { mintedAt, overlapEndsAt } = rotation;
  if (mintedAt === null || overlapEndsAt === null) return null;
  if (now < servedBy(rotation)) return null;
  const passed = (now - mintedAt) / Math.max(1, overlapEndsAt - consumerLag - mintedAt);
  if (passed >= PAGE_AT) return 'critical';
  return passed >= WARN_AT ? 'warning' : null;
}

/** A version that has just come back is nowhere yet, late as it is: so long it has to arrive. */
const ARRIVES_WITHIN = 5 * MINUTE;

function servedBy({ rollback }: Rotation): number {
  return rollback?.endedAt == null ? 0 : rollback.endedAt + ARRIVES_WITHIN;
}

/** When the lateness of a destination next grows, or the overlap ends; null after that. */
export function nextDeadline({ destinations, snapshot }: Situation, now: number): number | null {
  if (snapshot.open === null || isRolledBack(snapshot.open)) return null;
  const { mintedAt, overlapEndsAt } = snapshot.open;
  if (mintedAt === null || overlapEndsAt === null) return null;
  const moments = destinations.flatMap(({ consumerLag }) =>
    [WARN_AT, PAGE_AT].map((share) => mintedAt + Math.ceil((overlapEndsAt - consumerLag - mintedAt) * share)),
  );
  const ahead = [...moments, servedBy(snapshot.open), overlapEndsAt].filter((moment) => moment > now);
  return ahead.length === 0 ? null : Math.min(...ahead);
}

/** The destinations whose readers will be, or are, refused; told also when the code that publishes never ran. */
export function lateDestinations(situation: Situation, now: number): Signal[] {
  const rotation = situation.snapshot.open;
  if (rotation === null || rotation.newVersionId === null || rotation.overlapEndsAt === null) return [];
  // The newer version is away on purpose, or not to be published at all.
  const pending = versionById(situation.snapshot.versions, rotation.newVersionId)?.state === 'pending';
  if (isRolledBack(rotation) || pending) return [];
  const silent = lateness(rotation, 0, now) === null ? [] : silentAgents(situation, rotation, now);
  const late = missing(situation, rotation).flatMap((destination) => {
    const severity = lateness(rotation, lagOf(situation, destination), now);
    if (severity === null) return [];
    const error = errorAt(situation, destination);
    return raise('publish-failed', rotation.credential, now, {
      severity,
      condition: destination,
      title: `${rotation.credential}: ${destination} does not have the new key${oldKeyEnds(rotation.overlapEndsAt, now)}`,
      summary:
        'When the overlap ends, applications that read this destination are refused. Keywarden goes on trying.',
      action: isAgent(destination)
        ? 'See whether the agent runs and reaches this Keywarden; its log says what it lacks'
        : letItWrite(destination, error),
      deadline: rotation.overlapEndsAt,
      evidence: { rotation: rotation.id, destination, error: error?.message ?? null },
    });
  });
  return [...late, ...silent];
}

function lagOf({ destinations }: Situation, destination: string): number {
  return destinations.find(({ id }) => id === destination)?.consumerLag ?? 0;
}

function errorAt({ snapshot }: Situation, destination: string): Failure | null {
  return snapshot.destinations.find(({ id }) => id === destination)?.lastError ?? null;
}

/** How long the old key still works, as the end of a title; empty where it has no end. */
export function oldKeyEnds(overlapEndsAt: number | null, now: number): string {
  if (overlapEndsAt === null) return '';
  const left = overlapEndsAt - now;
  return left > 0 ? `; the old one ends in ${formatDuration(left)}` : '; the old one has ended';
}

/** What a person does so that a destination takes the new key. @param error why it has not yet, as far as that is known */
export function letItWrite(destination: string, error: Failure | null): string {
  const what =
    error !== null && isRefusal(error)
      ? `Give Keywarden the right to write ${destination}`
      : `Bring ${destination} back within reach`;
  return `${what} (\`keywarden check\` says what is missing); it then goes on by itself.`;
}

/** Whether the same attempt would fail again. */
export function isRefusal({ verdict }: Failure): boolean {
  return verdict === 'permanent' || verdict === 'rejected';
}
