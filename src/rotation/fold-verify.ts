import type { Change, CredentialRecord, Failure, Rotation, Signal, Version, Work } from '../model/index.ts';
import { formatDuration, HOUR, MINUTE } from '../model/index.ts';
import { backoff } from './backoff.ts';
import { unusedVersion } from './end.ts';
import { exposureEnds } from './exposure.ts';
import { audit, type Folded, folded, putRotation } from './folded.ts';
import { VERIFY_EVERY, VERIFY_LATE_EVERY } from './limits.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import type { Action, Outcome, Situation } from './situation.ts';
import { moveStep } from './steps.ts';
import { termsFor } from './terms.ts';
import { become } from './transitions.ts';
import { waysOutText } from './ways-out.ts';

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
  const { settle } = termsFor(situation.policy, rotation);
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
  const { record } = situation.snapshot;
  const accepted = rotation.accepted + 1;
  const left = demote(situation, rotation);
  return folded(
    [
      ...left.map((each): Change => ({ type: 'version.put', version: each })),
      { type: 'version.put', version: { ...version, state: 'current', acceptedAt: now, probedAt: now } },
      ...become(rotation, 'publishing', { accepted, attempts: 0, retryAt: null, lastError: null }, now),
      moveStep(situation.steps, rotation.id, 'verify', 'done', now),
      ...publishEverywhere(situation, now),
      audit(now, rotation.actor, 'version.current', rotation.credential, {
        keyId: version.keyId,
        number: version.number,
      }),
      ...(record.state === 'rejected' ? [managed(record)] : []),
    ],
    [
      resolve('rotation-attention', rotation.credential, now),
      resolve('credential-rejected', rotation.credential, now),
      ...left.filter(({ state }) => state === 'retired').flatMap((each) => exposureEnds(each, now)),
    ],
  );
}

/** The signer of the mint is valid until the overlap's end; a current key that the provider refuses is over now. */
function demote({ snapshot }: Situation, rotation: Rotation): Version[] {
  const { versions, record } = snapshot;
  const leaving = versions.filter(
    ({ id, state }) => state === 'current' || (id === rotation.previousVersionId && state !== 'retired'),
  );
  return leaving.map((version) => {
    const signed = version.id === rotation.previousVersionId;
    const known = version.compromisedAt !== null;
    const valid = known ? 'compromised' : 'retiring';
    // Nobody says when one ends that signed nothing: it is taken to work as long as the other.
    const presumed = known ? null : rotation.overlapEndsAt;
    const expiresAt = signed
      ? (rotation.overlapEndsAt ?? version.expiresAt)
      : (version.expiresAt ?? presumed);
    const state = !signed && record.state === 'rejected' ? 'retired' : valid;
    return { ...version, state, expiresAt };
  });
}

function managed(record: CredentialRecord): Change {
  return {
    type: 'credential.put',
    record: { ...record, state: 'managed', attempts: 0, retryAt: null, lastError: null, recoveryId: null },
  };
}

/** Makes every destination due that does not fetch by itself. */
export function publishEverywhere({ snapshot, destinations }: Situation, now: number): Change[] {
  return destinations.flatMap(({ id, lane }): Change[] => {
    if (lane === null) return [];
    const work: Work = { kind: 'publication', id: `${snapshot.record.name} ${id}`, lane, dueAt: now };
    return [{ type: 'work.put', work }];
  });
}

function notYet(
  situation: Situation,
  rotation: Rotation,
  version: Version,
  failure: Failure,
  now: number,
): Folded {
  const { settle } = termsFor(situation.policy, rotation);
  const attempts = rotation.attempts + 1;
  const late = now > (rotation.answeredAt ?? now) + settle.budget;
  const overlapLeft = rotation.overlapEndsAt === null ? undefined : rotation.overlapEndsAt - now;
  const wait = late ? VERIFY_LATE_EVERY : VERIFY_EVERY;
  const fields = {
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
  const state = late ? 'attention' : rotation.state;
  const changes = [
    ...become(rotation, state, fields, now),
    moveStep(situation.steps, rotation.id, 'verify', 'failed', now, { error: failure }),
  ];
  return late
    ? folded(changes, [notAccepted(situation, { ...rotation, ...fields, state }, version, failure, now)])
    : folded(changes);
}

function notAccepted(
  situation: Situation,
  rotation: Rotation,
  version: Version,
  failure: Failure,
  now: number,
): Signal {
  const key = version.keyId ?? 'the new key';
  const { budget } = termsFor(situation.policy, rotation).settle;
  return raise('rotation-attention', rotation.credential, now, {
    severity: 'critical',
    title: `${rotation.credential}: the new key ${version.keyId ?? ''} is still not accepted after ${formatDuration(budget)}`,
    summary: `${failure.message}. It was not published; applications go on with the old key, which works until the overlap ends. Keywarden goes on trying every minute, and mints another while there is time.`,
    action: `Ask the provider about ${key}. ${waysOutText(situation, rotation)}`,
    deadline: rotation.overlapEndsAt,
    evidence: { rotation: rotation.id, keyId: version.keyId, ...failureEvidence(failure) },
  });
}

/** A further mint is spaced like this from the answer to the one before: 15 min, doubling. */
const FURTHER_AFTER = 15 * MINUTE;

/** No further mint in the overlap's last hour: its key could not be everywhere in time. */
const LAST_MINT = HOUR;

/** When another key is minted in the place of one that is not accepted; null: not at all. */
export function furtherMintAt(rotation: Rotation): number | null {
  const { state, answeredAt, overlapEndsAt, mints, lastError } = rotation;
  // A provider that is down says nothing of the key.
  if (state !== 'attention' || answeredAt === null || lastError?.verdict !== 'rejected') return null;
  const at = answeredAt + FURTHER_AFTER * 2 ** Math.min(Math.max(mints - 1, 0), 10);
  return overlapEndsAt !== null && at > overlapEndsAt - LAST_MINT ? null : at;
}

/** The key that was not accepted stays `unused`, and the same rotation mints another. */
export function mintFurther(rotation: Rotation, version: Version, now: number): Folded {
  const unused = unusedVersion(version, rotation, now);
  const afresh = {
    newVersionId: null,
    intent: null,
    preflightedAt: null,
    accepted: 0,
    answeredAt: null,
    attempts: 0,
    retryAt: null,
  };
  return folded(
    [
      ...become(rotation, 'minting', afresh, now, { detail: { unusedKeyId: version.keyId } }),
      ...unused.changes,
    ],
    unused.signals,
  );
}
