import type { Change, CredentialRecord, Rotation, Signal, Version } from '../model/index.ts';
import { formatTime, HOUR, MINUTE } from '../model/index.ts';
import { publishEverywhere } from './fold-verify.ts';
import { audit, type Folded, folded, putRotation } from './folded.ts';
import { isRolledBack } from './rolled-back.ts';
import { raise, resolve } from './signals.ts';
import type { Situation } from './situation.ts';
import { nextNumber, versionById } from './versions.ts';
import type { Way } from './ways.ts';

/** The newer version is back by this share of the overlap: what is left must do for publishing it. */
const BACK_BY = 0.8;

/** So long before the newer version comes back a person is told; for a short rollback a tenth of it. */
const TOLD_BEFORE = 6 * HOUR;

/** A rollback shorter than this is a slip of the pen. */
const SHORTEST = MINUTE;

/**
 * Publishes the previous version again, as a new publication, until `until` (null: as long as the overlap allows).
 * Nothing is done at the provider: both keys are valid.
 */
export function rollBack(
  situation: Situation,
  request: { readonly until: number | null; readonly reason: string | null; readonly actor: string },
  now: number,
): Way {
  const { open, versions, record } = situation.snapshot;
  const previous = versionById(versions, open?.previousVersionId ?? null);
  const newer = versionById(versions, open?.newVersionId ?? null);
  if (open === null || previous === null || newer?.state !== 'current')
    return {
      refused: `${record.name}: there is no rotation in its overlap, so there is nothing to go back to`,
    };
  if (previous.state !== 'retiring')
    return { refused: `${record.name}: the previous key is ${previous.state} and is not published again` };
  const latest = backBy(open);
  if (latest === null || latest < now + SHORTEST)
    return {
      refused: `${record.name}: 80 % of the overlap have passed; the old key ends at ${formatTime(open.overlapEndsAt ?? now)}`,
    };
  const until = Math.min(request.until ?? latest, latest);
  if (until < now + SHORTEST) return { refused: `${record.name}: --until must lie at least a minute ahead` };
  const { actor, reason } = request;
  const refused = record.state === 'rejected';
  return folded(
    [
      ...swap({ current: newer, next: previous }, versions),
      ...(refused ? newerIsOver(newer, record) : []),
      putRotation({ ...open, rollback: { until, actor, endedAt: null } }),
      ...publishEverywhere(situation, now),
      audit(now, actor, 'rotation.rolled-back', record.name, {
        rotation: open.id,
        until: formatTime(until),
        reason,
      }),
    ],
    refused ? [resolve('credential-rejected', record.name, now)] : [],
  );
}

/** A newer key that the provider refuses does not come back: another is minted by the one that works. */
function newerIsOver(newer: Version, record: CredentialRecord): Change[] {
  return [
    { type: 'version.put', version: { ...newer, state: 'retired' } },
    { type: 'credential.put', record: managed(record) },
  ];
}

function managed(record: CredentialRecord): CredentialRecord {
  return { ...record, state: 'managed', attempts: 0, retryAt: null, lastError: null, recoveryId: null };
}

/** When a rollback must have ended; null where the overlap is not known. */
function backBy({ mintedAt, overlapEndsAt }: Rotation): number | null {
  return mintedAt === null || overlapEndsAt === null
    ? null
    : Math.floor(mintedAt + (overlapEndsAt - mintedAt) * BACK_BY);
}

/** What is known to others stays marked as such. */
function swap(
  { current, next }: { readonly current: Version; readonly next: Version },
  versions: readonly Version[],
): Change[] {
  const state = current.compromisedAt === null ? 'retiring' : 'compromised';
  return [
    { type: 'version.put', version: { ...current, state } },
    { type: 'version.put', version: { ...next, state: 'current', number: nextNumber(versions) } },
  ];
}

/**
 * True where a rollback is over: its time is up, the previous key cannot be used any longer, or the newer one never
 * comes back.
 */
export function isBackDue(situation: Situation, rotation: Rotation, now: number): boolean {
  if (!isRolledBack(rotation)) return false;
  const { versions, record } = situation.snapshot;
  const previous = versionById(versions, rotation.previousVersionId);
  const lost = previous?.compromisedAt != null || record.state === 'rejected';
  return (rotation.rollback?.until ?? now) <= now || lost || !canComeBack(situation, rotation);
}

/** False where the newer version was revoked or is known to others: a successor is needed then, not that one. */
export function canComeBack({ snapshot }: Situation, rotation: Rotation): boolean {
  return versionById(snapshot.versions, rotation.newVersionId)?.state === 'retiring';
}

/** The newer version is published again, everywhere. */
export function comeBack(situation: Situation, rotation: Rotation, now: number): Folded {
  const { versions, record } = situation.snapshot;
  const previous = versionById(versions, rotation.previousVersionId);
  const newer = versionById(versions, rotation.newVersionId);
  if (previous === null || newer?.state !== 'retiring')
    throw new TypeError('a rollback ends with a newer version that is still valid');
  return folded(
    [
      ...swap({ current: previous, next: newer }, versions),
      putRotation({ ...rotation, rollback: rotation.rollback && { ...rotation.rollback, endedAt: now } }),
      ...(record.state === 'rejected' ? [{ type: 'credential.put', record: managed(record) } as const] : []),
      ...publishEverywhere(situation, now),
      audit(now, 'daemon', 'rotation.rolled-forward', record.name, { rotation: rotation.id }),
    ],
    [resolve('rollback-ends', record.name, now)],
  );
}

function toldFrom(rotation: Rotation, began: number): number | null {
  const until = rotation.rollback?.until ?? null;
  return until === null ? null : until - Math.min(TOLD_BEFORE, (until - began) / 10);
}

/** The moment from which {@link rollbackEnds} speaks. */
export function nextRollbackMoment({ snapshot }: Situation, now: number): number | null {
  const { open } = snapshot;
  if (open?.rollback == null || !isRolledBack(open)) return null;
  const told = toldFrom(open, open.mintedAt ?? now) ?? now;
  return told > now ? told : open.rollback.until;
}

/** A person is told before the newer version comes back. */
export function rollbackEnds({ snapshot }: Situation, now: number): Signal[] {
  const { open, record, versions } = snapshot;
  const told = open === null ? null : toldFrom(open, open.mintedAt ?? now);
  if (open?.rollback == null || !isRolledBack(open) || told === null || told > now) return [];
  const newer = versionById(versions, open.newVersionId);
  const older = versionById(versions, open.previousVersionId)?.keyId ?? 'the previous key';
  return [
    raise('rollback-ends', record.name, now, {
      severity: 'warning',
      title: `${record.name}: ${newer?.keyId ?? 'the newer key'} comes back at ${formatTime(open.rollback.until)}, before ${older} ends`,
      summary: `${open.rollback.actor} went back to ${older}. It ends at ${formatTime(open.overlapEndsAt ?? now)}, so the newer one comes back before.`,
      action: `Repair what does not work with ${newer?.keyId ?? 'the newer key'}, or make another: \`keywarden rotate ${record.name} --emergency --reason "…"\``,
      deadline: open.rollback.until,
      evidence: { rotation: open.id, keyId: newer?.keyId ?? null },
    }),
  ];
}
