import type { Alert, Delivery, Failure, Rotation, RotationStep, Version } from '../model/index.ts';
import { formatTime } from '../model/index.ts';
import { nextRotationAt, type Situation, versionById } from '../rotation/index.ts';

/** Names and forms of the public API; see the OpenAPI document. Times are RFC 3339 in UTC. */

const time = (at: number | null): string | null => (at === null ? null : formatTime(at));

const failure = (error: Failure | null) =>
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
    expiresAt: time(version.expiresAt),
    fingerprint: version.fingerprint,
    lastUsedAt: time(lastUsedAt),
  };
}

/**
 * @param kind the provider's kind
 * @param uses when each key was last seen in use, by key id
 */
export function credentialView(
  situation: Situation,
  kind: string,
  uses: ReadonlyMap<string, number>,
  now: number,
) {
  const { snapshot, policy, destinations, spread } = situation;
  const { record, versions, open } = snapshot;
  return {
    name: record.name,
    provider: record.provider,
    kind,
    state: record.state,
    lastError: failure(record.lastError),
    lastSeenInUseAt: time(uses.size === 0 ? null : Math.max(...uses.values())),
    versions: versions.map((version) => versionView(version, uses.get(version.keyId ?? '') ?? null)),
    rotation: open && { id: open.id, state: open.state, overlapEndsAt: time(open.overlapEndsAt) },
    nextRotationAt: open === null ? time(nextRotationAt(policy, snapshot, spread, now)) : null,
    destinations: destinations.map(({ id, required }) => {
      const known = snapshot.destinations.find((destination) => destination.id === id);
      const version = versionById(versions, known?.versionId ?? null);
      return {
        destination: id,
        required,
        state: known?.state ?? 'pending',
        version: version?.number ?? null,
        publishedAt: time(known?.publishedAt ?? null),
        lastError: failure(known?.lastError ?? null),
      };
    }),
  };
}

function stepView(step: RotationStep) {
  return {
    name: step.name,
    ...(step.destination === '' ? {} : { destination: step.destination }),
    state: step.state,
    attempts: step.attempts,
    startedAt: time(step.startedAt),
    endedAt: time(step.endedAt),
    error: failure(step.error),
  };
}

export function rotationView(
  rotation: Rotation,
  steps: readonly RotationStep[],
  versions: readonly Version[],
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
    mintedAt: time(rotation.mintedAt),
    overlapEndsAt: time(rotation.overlapEndsAt),
    endedAt: time(rotation.endedAt),
    lastError: failure(rotation.lastError),
  };
}

export function deliveryView(delivery: Delivery) {
  return {
    channel: delivery.channel,
    event: delivery.event,
    state: delivery.state,
    attempts: delivery.attempts,
    lastError: failure(delivery.lastError),
    at: time(delivery.at),
  };
}

export function alertView(alert: Alert, deliveries: readonly Delivery[]) {
  return {
    id: alert.id,
    kind: alert.kind,
    severity: alert.severity,
    state: alert.state,
    credential: alert.credential ?? null,
    monitor: alert.monitor ?? null,
    channel: alert.channel ?? null,
    title: alert.title,
    summary: alert.summary,
    action: alert.action,
    deadline: time(alert.deadline),
    evidence: alert.evidence,
    firstSeenAt: formatTime(alert.firstSeenAt),
    lastSeenAt: formatTime(alert.lastSeenAt),
    count: alert.count,
    dedupKey: alert.dedupKey,
    acknowledgedBy: alert.acknowledgedBy,
    deliveries: deliveries.map(deliveryView),
  };
}
