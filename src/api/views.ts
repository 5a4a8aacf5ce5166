import { answerDueAt } from '../alerting/incident.ts';
import type {
  Alert,
  CredentialSnapshot,
  Delivery,
  Destination,
  Failure,
  HookRecord,
  Pause,
  Rotation,
  RotationStep,
  Silence,
  Version,
} from '../model/index.ts';
import { formatTime } from '../model/index.ts';
import { nextRotationAt, type Situation, versionById, waysOut } from '../rotation/index.ts';

/** Names and forms of the public API; see the OpenAPI document. Times are RFC 3339 in UTC. */

export const timeView = (at: number | null): string | null => (at === null ? null : formatTime(at));

export const failureView = (error: Failure | null) =>
  error && { code: error.code, verdict: error.verdict, message: error.message };

/** @param lastUsedAt when the provider's log last showed it in use */
export function versionView(version: Version, lastUsedAt: number | null = null) {
  return {
    id: version.id,
    number: version.number,
    keyId: version.keyId,
    state: version.state,
    origin: version.origin,
    createdAt: formatTime(version.createdAt),
    expiresAt: timeView(version.expiresAt),
    compromisedAt: timeView(version.compromisedAt),
    acceptedAt: timeView(version.acceptedAt),
    fingerprint: version.fingerprint,
    lastUsedAt: timeView(lastUsedAt),
  };
}

/** What stands beside the state's own knowledge of a credential. */
export type Surroundings = {
  /** The provider's kind. */
  readonly kind: string;
  /** When each key was last seen in use, by key id. */
  readonly uses: ReadonlyMap<string, number>;
};

export function pauseView(pause: Pause | null) {
  return (
    pause && {
      until: timeView(pause.until),
      reason: pause.reason,
      actor: pause.actor,
      since: formatTime(pause.since),
    }
  );
}

function hookView(hook: HookRecord | null) {
  return (
    hook && {
      state: hook.state,
      attempts: hook.attempts,
      lastError: failureView(hook.lastError),
      at: formatTime(hook.at),
    }
  );
}

function destinationView(
  id: string,
  required: boolean,
  known: Destination | undefined,
  versions: readonly Version[],
) {
  return {
    destination: id,
    required,
    state: known?.state ?? 'pending',
    version: versionById(versions, known?.versionId ?? null)?.number ?? null,
    publishedAt: timeView(known?.publishedAt ?? null),
    checkedAt: timeView(known?.checkedAt ?? null),
    lastError: failureView(known?.lastError ?? null),
    hook: hookView(known?.hook ?? null),
  };
}

/** What is known of a credential whether it is configured or not. */
function recordView({ record, versions, open }: CredentialSnapshot, { kind, uses }: Surroundings) {
  return {
    name: record.name,
    provider: record.provider,
    kind,
    lastError: failureView(record.lastError),
    lastSeenInUseAt: timeView(uses.size === 0 ? null : Math.max(...uses.values())),
    versions: versions.map((version) => versionView(version, uses.get(version.keyId ?? '') ?? null)),
    rotation: open && {
      id: open.id,
      state: open.state,
      overlapEndsAt: timeView(open.overlapEndsAt),
      rollback: rollbackView(open),
      lastError: failureView(open.lastError),
    },
    pause: pauseView(record.pause),
  };
}

export function credentialView(situation: Situation, surroundings: Surroundings, now: number) {
  const { snapshot, policy, destinations, spread } = situation;
  return {
    ...recordView(snapshot, surroundings),
    state: snapshot.record.state as CredentialState,
    mode: policy.mode as Situation['policy']['mode'] | null,
    nextRotationAt: snapshot.open === null ? timeView(nextRotationAt(policy, snapshot, spread, now)) : null,
    destinations: destinations.map(({ id, required }) => {
      const known = snapshot.destinations.find((destination) => destination.id === id);
      return destinationView(id, required, known, snapshot.versions);
    }),
    waysOut: [...waysOut(situation)],
  };
}

/** `parked`: the state holds it and the configuration names it no longer. */
type CredentialState = CredentialSnapshot['record']['state'] | 'parked';

/** A credential that is no longer configured: kept with its key until a person forgets it. */
export function parkedView(
  snapshot: CredentialSnapshot,
  surroundings: Surroundings,
): ReturnType<typeof credentialView> {
  const { record, versions, destinations } = snapshot;
  return {
    ...recordView(snapshot, surroundings),
    state: 'parked',
    mode: null,
    nextRotationAt: null,
    destinations: destinations.map((known) => destinationView(known.id, false, known, versions)),
    waysOut: [`keywarden forget ${record.name}`],
  };
}

function rollbackView({ rollback }: Rotation) {
  return rollback?.endedAt === null ? { until: formatTime(rollback.until) } : null;
}

function stepView(step: RotationStep) {
  return {
    name: step.name,
    ...(step.destination === '' ? {} : { destination: step.destination }),
    state: step.state,
    attempts: step.attempts,
    startedAt: timeView(step.startedAt),
    endedAt: timeView(step.endedAt),
    error: failureView(step.error),
  };
}

/** @param ways what a person can do about it, as command lines */
export function rotationView(
  rotation: Rotation,
  steps: readonly RotationStep[],
  versions: readonly Version[],
  ways: readonly string[],
) {
  return {
    id: rotation.id,
    credential: rotation.credential,
    trigger: rotation.trigger,
    reason: rotation.reason,
    actor: rotation.actor,
    state: rotation.state,
    queued: rotation.queued,
    steps: steps.map(stepView),
    newKeyId: versionById(versions, rotation.newVersionId)?.keyId ?? null,
    previousKeyId: versionById(versions, rotation.previousVersionId)?.keyId ?? null,
    startedAt: formatTime(rotation.startedAt),
    mintedAt: timeView(rotation.mintedAt),
    overlapEndsAt: timeView(rotation.overlapEndsAt),
    endedAt: timeView(rotation.endedAt),
    rollback: rollbackView(rotation),
    lastError: failureView(rotation.lastError),
    waysOut: [...ways],
  };
}

export function deliveryView(delivery: Delivery) {
  return {
    channel: delivery.channel,
    event: delivery.event,
    state: delivery.state,
    attempts: delivery.attempts,
    lastError: failureView(delivery.lastError),
    at: timeView(delivery.at),
  };
}

export function alertView(alert: Alert, deliveries: readonly Delivery[]) {
  return {
    id: alert.id,
    kind: alert.kind,
    severity: alert.severity,
    state: alert.state,
    transient: alert.transient === true,
    credential: alert.credential ?? null,
    monitor: alert.monitor ?? null,
    channel: alert.channel ?? null,
    title: alert.title,
    summary: alert.summary,
    action: alert.action,
    deadline: timeView(alert.deadline),
    evidence: alert.evidence,
    firstSeenAt: formatTime(alert.firstSeenAt),
    lastSeenAt: formatTime(alert.lastSeenAt),
    count: alert.count,
    dedupKey: alert.dedupKey,
    acknowledgedBy: alert.acknowledgedBy,
    deliveries: deliveries.map(deliveryView),
  };
}

export function silenceView(silence: Silence, now: number) {
  return {
    id: silence.id,
    kind: silence.kind,
    credential: silence.credential,
    severity: silence.severity,
    reason: silence.reason,
    author: silence.author,
    createdAt: formatTime(silence.createdAt),
    endsAt: formatTime(silence.endsAt),
    holds: silence.endsAt > now,
  };
}

export function incidentView(alert: Alert, report: string) {
  const due = answerDueAt(alert);
  return { id: alert.id, reportedAt: timeView(alert.reportedAt), answerDueAt: timeView(due), report };
}
