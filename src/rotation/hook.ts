import type {
  CredentialSnapshot,
  Destination,
  Failure,
  HookRecord,
  Severity,
  Signal,
  Version,
} from '../model/index.ts';
import { formatTime } from '../model/index.ts';
import { slowBackoff } from './backoff.ts';
import { lateness } from './deadlines.ts';
import { audit, type Folded, folded } from './folded.ts';
import { failureEvidence, raise, resolve } from './signals.ts';

/** One run of a destination's hook, for the version that had arrived there. */
export type HookSituation = {
  readonly destination: Destination;
  readonly version: Version;
  readonly snapshot: CredentialSnapshot;
  /** How long the destination's readers cache, ms. */
  readonly consumerLag: number;
};

/** After so many failures in succession it is told. */
const PATIENCE = 3;

/**
 * What came of one run (null: it succeeded), and when it runs next; null: it has run for the version that is there.
 * Where a newer version arrived meanwhile nothing is noted: that one's run is due at once.
 */
export function foldHook(
  situation: HookSituation,
  failure: Failure | null,
  now: number,
): Folded & { readonly next: number | null } {
  const { destination, version } = situation;
  const { hook } = destination;
  if (hook === null || hook.state === 'done') return { ...folded([]), next: null };
  if (hook.versionId !== version.id) return { ...folded([]), next: now };
  return failure === null
    ? { ...ran(situation, hook, now), next: null }
    : failed(situation, hook, failure, now);
}

function ran({ destination, version }: HookSituation, hook: HookRecord, now: number): Folded {
  const { credential, id } = destination;
  const done: HookRecord = { ...hook, state: 'done', attempts: 0, lastError: null, at: now };
  return folded(
    [
      { type: 'destination.put', destination: { ...destination, hook: done } },
      audit(now, 'daemon', 'hook.ran', credential, { destination: id, number: version.number }),
    ],
    [resolve('hook-failed', credential, now, id)],
  );
}

function failed(
  situation: HookSituation,
  hook: HookRecord,
  failure: Failure,
  now: number,
): Folded & { readonly next: number } {
  const { destination } = situation;
  const attempts = hook.attempts + 1;
  const owed: HookRecord = { ...hook, attempts, lastError: failure };
  const limits = {
    retryAfterMs: failure.retryAfterMs,
    overlapLeft: overlapLeft(situation, now) ?? undefined,
  };
  return {
    ...folded(
      [{ type: 'destination.put', destination: { ...destination, hook: owed } }],
      attempts < PATIENCE ? [] : [told(situation, failure, attempts, now)],
    ),
    next: now + slowBackoff(attempts, limits),
  };
}

/** Of the rotation that brought the version; null where none is open, or its overlap is over. */
function overlapLeft({ snapshot, version }: HookSituation, now: number): number | null {
  const { open } = snapshot;
  if (open === null || open.newVersionId !== version.id || open.overlapEndsAt === null) return null;
  return open.overlapEndsAt > now ? open.overlapEndsAt - now : null;
}

/** Who reads the destination only when he is told to still has the old key: that is grave once it is about to end. */
function severityOf({ snapshot, version, consumerLag }: HookSituation, now: number): Severity {
  const { open } = snapshot;
  const late = open?.newVersionId === version.id ? lateness(open, consumerLag, now) : null;
  return late === 'critical' ? 'critical' : 'warning';
}

function told(situation: HookSituation, failure: Failure, attempts: number, now: number): Signal {
  const { destination, version, snapshot } = situation;
  const { credential, id } = destination;
  const left = overlapLeft(situation, now);
  const until =
    left === null ? '' : ` The old key works until ${formatTime(snapshot.open?.overlapEndsAt ?? now)}.`;
  return raise('hook-failed', credential, now, {
    severity: severityOf(situation, now),
    condition: id,
    title: `${credential}: the hook of ${id} has failed ${attempts} times for version ${version.number}`,
    summary: `${failure.message}. The new key is there; applications that wait for this hook may still use the old one.${until} It is tried again by itself.`,
    action: `Repair what onChange of ${id} calls, or reload the application by hand.`,
    deadline: left === null ? null : (snapshot.open?.overlapEndsAt ?? null),
    evidence: { destination: id, version: version.number, attempts, ...failureEvidence(failure) },
  });
}
