import type { Change, Failure, Rotation, Version, Work } from '../model/index.ts';
import { formatDuration } from '../model/index.ts';
import { backoff } from './backoff.ts';
import { audit, type Folded, folded, putRotation } from './folded.ts';
import { VERIFY_EVERY, VERIFY_LATE_EVERY } from './limits.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import type { Action, Outcome, Situation } from './situation.ts';
import { moveStep } from './steps.ts';
import { versionById } from './versions.ts';

/**
 * A fresh key is believed once it was accepted `settle.successes` times in succession, the last of them no sooner
 * than `settle.minimum` after its answer came: acceptance at one node proves nothing at another.
 */
export function foldVerify(
  situation: Situation,
  action: Extract<Action, { do: 'verify' }>,
  outcome: Extract<Outcome, { of: 'verify' }>,
  now: number,
): Folded {
  const { rotation, version } = action;
  const { settle } = situation.policy;
  if ('failure' in outcome) return notYet(situation, rotation, version, outcome.failure, now);
  const accepted = rotation.accepted + 1;
  const earliest = (rotation.answeredAt ?? now) + settle.minimum;
  if (accepted >= settle.successes && now >= earliest) return promote(situation, rotation, version, now);
  const retryAt = accepted >= settle.successes ? earliest : now + VERIFY_EVERY;
  return folded([
    putRotation({ ...rotation, accepted, attempts: 0, retryAt, lastError: null }),
    moveStep(situation.steps, rotation.id, 'verify', 'running', now),
  ]);
}

/** From here on every destination shall have the new version; the old one goes on working until the overlap's end. */
function promote(situation: Situation, rotation: Rotation, version: Version, now: number): Folded {
  const previous = versionById(situation.snapshot.versions, rotation.previousVersionId);
  const changes: Change[] = [];
  if (previous !== null) {
    const expiresAt = rotation.overlapEndsAt ?? previous.expiresAt;
    changes.push({ type: 'version.put', version: { ...previous, state: 'retiring', expiresAt } });
  }
  changes.push(
    { type: 'version.put', version: { ...version, state: 'current' } },
    putRotation({
      ...rotation,
      state: 'publishing',
      accepted: rotation.accepted + 1,
      attempts: 0,
      retryAt: null,
      lastError: null,
    }),
    moveStep(situation.steps, rotation.id, 'verify', 'done', now),
    ...publishEverywhere(situation, now),
    audit(now, rotation.actor, 'version.current', rotation.credential, {
      keyId: version.keyId,
      number: version.number,
    }),
  );
  return folded(changes, [resolve('rotation-attention', rotation.credential, now)]);
}

/** Makes every destination due. */
export function publishEverywhere({ snapshot, destinations }: Situation, now: number): Change[] {
  return destinations.map(({ id, lane }) => {
    const work: Work = { kind: 'publication', id: `${snapshot.record.name} ${id}`, lane, dueAt: now };
    return { type: 'work.put', work };
  });
}

function notYet(
  situation: Situation,
  rotation: Rotation,
  version: Version,
  failure: Failure,
  now: number,
): Folded {
  const { settle } = situation.policy;
  const attempts = rotation.attempts + 1;
  const late = now > (rotation.answeredAt ?? now) + settle.budget;
  const overlapLeft = rotation.overlapEndsAt === null ? undefined : rotation.overlapEndsAt - now;
  const wait = late ? VERIFY_LATE_EVERY : VERIFY_EVERY;
  const next: Rotation = {
    ...rotation,
    state: late ? 'attention' : rotation.state,
    // In succession: a refusal starts the count anew, a provider that was down does not.
    accepted: failure.verdict === 'rejected' ? 0 : rotation.accepted,
    attempts,
    retryAt:
      now +
      (failure.verdict === 'rejected'
        ? wait
        : Math.max(wait, backoff(attempts, { retryAfterMs: failure.retryAfterMs, overlapLeft }))),
    lastError: failure,
  };
  const changes = [
    putRotation(next),
    moveStep(situation.steps, rotation.id, 'verify', 'failed', now, { error: failure }),
  ];
  if (!late) return folded(changes);
  return folded(changes, [
    raise('rotation-attention', rotation.credential, now, {
      severity: 'critical',
      title: `${rotation.credential}: the new key ${version.keyId ?? ''} is still not accepted after ${formatDuration(settle.budget)}`,
      summary: `It was not published; applications go on with the old key, which works until the overlap ends. Keywarden goes on trying every minute. ${failure.message}`,
      action: `Ask the provider about ${version.keyId ?? 'the key'}; to mint another: keywarden rotate ${rotation.credential} --emergency --reason "key not accepted"`,
      deadline: rotation.overlapEndsAt,
      evidence: { rotation: rotation.id, keyId: version.keyId, ...failureEvidence(failure) },
    }),
  ]);
}
