import type { Change, Destination, Failure, HookRecord, Rotation, Signal, Version } from '../model/index.ts';
import { formatTime } from '../model/index.ts';
import { backoff, slowBackoff } from './backoff.ts';
import { isRefusal, lateness, letItWrite, oldKeyEnds } from './deadlines.ts';
import { type Drift, type DriftPolicy, nextCheck } from './drift.ts';
import { driftAlert } from './drift-alert.ts';
import { audit, type Folded, folded } from './folded.ts';
import { lookAgain, NEWER } from './restored.ts';
import { LOCKED, rightsAlert } from './rights-alert.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import type { Situation } from './situation.ts';
import { beganWith, moveStep } from './steps.ts';
import { currentVersion } from './versions.ts';
import type { VisitDecision } from './visit.ts';

/** One publication: the destination, the version it shall have, and the rotation that brought it, if one is open. */
export type PublicationSituation = Pick<Situation, 'policy' | 'snapshot' | 'steps'> & {
  readonly destination: Destination;
  readonly wanted: Version;
  /** How long the destination's readers cache, ms. */
  readonly consumerLag: number;
  readonly drift: DriftPolicy;
  /** In [0, 1), fixed for the destination: where in the period its checks fall. */
  readonly spread: number;
  /** The work that runs its hook; null where it has none. */
  readonly hook: { readonly id: string; readonly lane: string } | null;
};

/** What came of one visit. Written where the decision was to write and nothing failed. */
export type PublicationOutcome = {
  /** Null: what stands there could not be read. */
  readonly visit: VisitDecision | null;
  readonly failure: Failure | null;
};

/** After so many failures in succession an outage is told; it is some 15 s long by then. */
const PATIENCE = 5;

/**
 * What came of one visit, and when the next is due: a destination that has its version is looked at again for drift.
 * @throws {TypeError} for a version that the provider never accepted
 */
export function foldPublication(
  situation: PublicationSituation,
  outcome: PublicationOutcome,
  now: number,
): Folded & { readonly next: number } {
  const { wanted, destination } = situation;
  if (wanted.state === 'pending')
    throw new TypeError(`version ${wanted.id} was published before the provider accepted it`);
  const { visit, failure } = outcome;
  const seen: PublicationSituation =
    visit === null ? situation : { ...situation, destination: { ...destination, checkedAt: now } };
  if (failure !== null) {
    if (visit === null && settled(destination, wanted)) return unreachable(situation, failure, now);
    return failed(seen, visit, failure, now);
  }
  const next = nextVisit(situation, now);
  if (visit?.do === 'leave') return { ...drifted(seen, visit, now), next };
  return { ...arrived(seen, visit, now), next };
}

/** True where it was seen to have this version, whatever stands there now. */
function settled({ state, versionId }: Destination, { id }: Version): boolean {
  return (state === 'published' || state === 'drifted') && versionId === id;
}

/** Where a newer version became current meanwhile, that one is due at once. */
function nextVisit({ snapshot, wanted, drift, spread }: PublicationSituation, now: number): number {
  return currentVersion(snapshot.versions)?.id === wanted.id ? nextCheck(drift, spread, now) : now;
}

type Written = Extract<VisitDecision, { do: 'write' }>;
type Left = Extract<VisitDecision, { do: 'leave' }>;

/** It has the version: it was in place, or was written. */
function arrived(situation: PublicationSituation, visit: VisitDecision | null, now: number): Folded {
  const { destination, wanted, snapshot, steps } = situation;
  const written = visit?.do === 'write' ? visit : null;
  const { credential, id } = destination;
  const anew = !(destination.state === 'published' && destination.versionId === wanted.id);
  const owed = hookOwed(situation, written, now);
  const put: Destination = {
    ...destination,
    state: 'published',
    versionId: wanted.id,
    publishedAt: anew || written !== null ? now : destination.publishedAt,
    hook: owed ?? destination.hook,
    attempts: 0,
    looks: 0,
    lastError: null,
  };
  const changes: Change[] = [{ type: 'destination.put', destination: put }];
  if (owed !== null && situation.hook !== null)
    changes.push({ type: 'work.put', work: { kind: 'hook', ...situation.hook, dueAt: now } });
  if (anew) changes.push({ type: 'work.wake', kind: 'credential', id: credential, at: now });
  if (anew && snapshot.open?.newVersionId === wanted.id && beganWith(steps, id)) {
    changes.push(moveStep(steps, snapshot.open.id, 'publish', 'done', now, { destination: id }));
  }
  if (written?.drift) changes.push(driftAudit(situation, written.drift.what, now));
  if (written?.rights) changes.push(driftAudit(situation, written.rights.found, now));
  if (written !== null) {
    const detail = { destination: id, number: wanted.number, keyId: wanted.keyId };
    changes.push(audit(now, 'daemon', 'version.published', credential, detail));
  }
  return folded(changes, [
    ...(written?.drift ? [driftSignal(situation, written.drift, now)] : []),
    resolve('store-drift', credential, now, id),
    ...rightsSignals(situation, visit, now),
    resolve('publish-failed', credential, now, id),
    resolve('store-unreachable', credential, now, id),
    // Nothing that runs would end it.
    ...(situation.hook === null ? [resolve('hook-failed', credential, now, id)] : []),
  ]);
}

/**
 * What is to run since this version has arrived; null where it has run, or is owed already. A value that stood there
 * before Keywarden came has not arrived: its readers have it.
 */
function hookOwed(
  { destination, wanted, hook }: PublicationSituation,
  written: Written | null,
  now: number,
): HookRecord | null {
  const known = destination.versionId === wanted.id || destination.hook?.versionId === wanted.id;
  if (hook === null || known) return null;
  const stoodThere = destination.versionId === null && written?.valueThere === true;
  if (stoodThere && wanted.origin !== 'minted') return null;
  return { versionId: wanted.id, state: 'owed', attempts: 0, lastError: null, at: now };
}

/** What somebody put there is left as it is. */
function drifted(situation: PublicationSituation, visit: Left, now: number): Folded {
  const { destination } = situation;
  const { drift } = visit;
  const { credential, id } = destination;
  const put: Destination = { ...destination, state: 'drifted', attempts: 0, lastError: null };
  const fresh: Change[] =
    destination.state === 'drifted'
      ? []
      : [
          driftAudit(situation, drift.what, now),
          { type: 'work.wake', kind: 'credential', id: credential, at: now },
        ];
  return folded(
    [{ type: 'destination.put', destination: put }, ...fresh],
    [
      driftSignal(situation, drift, now),
      ...rightsSignals(situation, visit, now),
      resolve('store-unreachable', credential, now, id),
    ],
  );
}

function driftSignal(
  { destination, wanted, snapshot, drift: policy }: PublicationSituation,
  drift: Drift,
  now: number,
): Signal {
  return driftAlert({ destination, wanted, snapshot, policy, drift }, now);
}

/** Rights that somebody changed, until they are right again; those of a file that is written are so at once. */
function rightsSignals(
  { destination, drift: policy }: PublicationSituation,
  visit: VisitDecision | null,
  now: number,
): Signal[] {
  const written = visit?.do === 'write';
  const end = resolve('file-permissions', destination.credential, now, destination.id);
  if (visit?.rights === undefined) return [end];
  const told = rightsAlert({ destination, rights: visit.rights, policy, written }, now);
  return written ? [told, end] : [told];
}

function driftAudit({ destination, wanted }: PublicationSituation, found: string, now: number): Change {
  const detail = { destination: destination.id, number: wanted.number, found };
  return audit(now, 'daemon', 'destination.drifted', destination.credential, detail);
}

/** It could not be read, and had its version when it was read last: nobody lacks anything yet. */
function unreachable(
  { destination, wanted }: PublicationSituation,
  failure: Failure,
  now: number,
): Folded & { readonly next: number } {
  const { credential, id } = destination;
  const attempts = destination.attempts + 1;
  const locked = failure.code === LOCKED;
  const told = raise(locked ? 'file-permissions' : 'store-unreachable', credential, now, {
    severity: 'warning',
    condition: id,
    title: `${credential}: ${id} cannot be read${locked ? ' by Keywarden any more' : ''}`,
    summary: `${failure.message}. It had version ${wanted.number} when it was last read; whether it still has is not known.`,
    action: `${locked ? `Give Keywarden back the right to read ${id}` : `Bring ${id} back within reach`} (\`keywarden check\` says what is missing); looking goes on by itself.`,
    evidence: { destination: id, version: wanted.number, attempts, ...failureEvidence(failure) },
  });
  return {
    ...folded(
      [{ type: 'destination.put', destination: { ...destination, attempts, lastError: failure } }],
      attempts < PATIENCE && !locked ? [] : [told],
    ),
    next: now + slowBackoff(attempts, { retryAfterMs: failure.retryAfterMs }),
  };
}

function failed(
  situation: PublicationSituation,
  visit: VisitDecision | null,
  failure: Failure,
  now: number,
): Folded & { readonly next: number } {
  const { destination, wanted, snapshot, steps } = situation;
  const attempts = destination.attempts + 1;
  const rotation = snapshot.open?.newVersionId === wanted.id ? snapshot.open : null;
  const overlapLeft = rotation?.overlapEndsAt == null ? undefined : rotation.overlapEndsAt - now;
  const state = failure.verdict === 'permanent' ? 'failed' : 'pending';
  const again = failure.code === NEWER ? lookAgain(situation, destination, failure, now) : folded([]);
  const looks = destination.looks + (again.changes.length > 0 ? 1 : 0);
  const changes: Change[] = [
    { type: 'destination.put', destination: { ...destination, state, attempts, looks, lastError: failure } },
  ];
  if (rotation !== null && beganWith(steps, destination.id)) {
    changes.push(
      moveStep(steps, rotation.id, 'publish', 'failed', now, { destination: destination.id, error: failure }),
    );
  }
  const drift = visit?.do === 'write' ? visit.drift : null;
  const altered =
    visit?.rights === undefined ? [] : rightsSignals(situation, { do: 'nothing', rights: visit.rights }, now);
  // What is being looked for anew tells of itself, at first.
  const toldThere = again.signals.some(({ kind }) => kind === 'state-restored');
  const telling = toldThere ? [] : tell(situation, failure, attempts, rotation, now);
  return {
    ...folded(
      [...changes, ...again.changes],
      [
        ...(drift === null ? [] : [driftSignal(situation, drift, now)]),
        ...altered,
        ...telling,
        ...again.signals,
      ],
    ),
    next: now + backoff(attempts, { retryAfterMs: failure.retryAfterMs, overlapLeft }),
  };
}

function tell(
  { destination, wanted, consumerLag }: PublicationSituation,
  failure: Failure,
  attempts: number,
  rotation: Rotation | null,
  now: number,
): Signal[] {
  const { credential, id } = destination;
  const overlapEndsAt = rotation?.overlapEndsAt ?? null;
  const late = rotation === null ? null : lateness(rotation, consumerLag, now);
  const refused = isRefusal(failure);
  const lasting = late !== null || refused;
  // A newer version there is being adopted; it is told only where that does not come to an end.
  const patient = !lasting || (late === null && failure.code === NEWER);
  if (patient && attempts < PATIENCE) return [];
  const evidence = { destination: id, version: wanted.number, attempts, ...failureEvidence(failure) };
  const until = overlapEndsAt === null ? '' : ` The old key works until ${formatTime(overlapEndsAt)}.`;
  const how = refused ? 'does not take' : 'is out of reach and lacks';
  return [
    raise(lasting ? 'publish-failed' : 'store-unreachable', credential, now, {
      severity: late ?? (!lasting && overlapEndsAt !== null ? 'critical' : 'warning'),
      condition: id,
      title: `${credential}: ${id} ${how} the new key${oldKeyEnds(overlapEndsAt, now)}`,
      summary: `${failure.message}.${until} Keywarden goes on trying; other destinations are not held up.`,
      action: letItWrite(id, failure),
      deadline: overlapEndsAt,
      evidence,
    }),
  ];
}
