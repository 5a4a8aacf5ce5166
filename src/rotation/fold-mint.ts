import type { Change, Failure, Rotation, Signal, Version } from '../model/index.ts';
import { formatDuration, formatTime, HOUR, MINUTE } from '../model/index.ts';
import { backoff, rest } from './backoff.ts';
import { audit, type Folded, folded, type Ids, putRotation } from './folded.ts';
import { keyRejected } from './key-rejected.ts';
import { UNUSABLE_LIMIT } from './limits.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import type { Action, Outcome, Situation, Taken } from './situation.ts';
import { moveStep } from './steps.ts';
import { currentVersion, nextNumber, versionById } from './versions.ts';

/** A scheduled or manual mint that the provider surely did not process is given up for now after this long. */
const GIVE_UP_AFTER = HOUR;

/** Times that a provider takes within one call differ by no more than this, ms; our calls are at least 1 s apart. */
const SAME_CALL = 500;

type PreflightResults = Extract<Outcome, { of: 'preflight' }>['results'];

/**
 * All required destinations writable: the mint may go. Where the key cannot wait (an emergency, a current key that has
 * an end), one writable destination is enough. Else it waits, and says for what.
 */
export function foldPreflight(
  situation: Situation,
  rotation: Rotation,
  results: PreflightResults,
  now: number,
): Folded {
  const { credential } = rotation;
  const failed = results.filter((result) => result.failure !== null);
  const required = new Set(
    situation.destinations.filter((destination) => destination.required).map(({ id }) => id),
  );
  const blocking = failed.filter(({ destination }) => required.has(destination));
  const pressing = rotation.trigger === 'emergency' || isDying(situation);
  const ready = pressing ? failed.length < results.length || results.length === 0 : blocking.length === 0;
  if (ready) {
    return folded(
      [
        putRotation({
          ...rotation,
          preflightedAt: now,
          // A mint that goes on failing keeps its backoff over the preflights in between.
          attempts: rotation.intent === null ? 0 : rotation.attempts,
          retryAt: null,
          lastError: null,
        }),
      ],
      [resolve('store-unreachable', credential, now, 'preflight')],
    );
  }
  const failure = blocking[0]?.failure ?? failed[0]?.failure ?? null;
  const attempts = rotation.attempts + 1;
  const names = (blocking.length > 0 ? blocking : failed).map(({ destination }) => destination);
  return folded(
    [
      putRotation({
        ...rotation,
        attempts,
        retryAt: now + backoff(attempts, { retryAfterMs: failure?.retryAfterMs }),
        lastError: failure,
      }),
    ],
    [
      raise('store-unreachable', credential, now, {
        severity: pressing ? 'critical' : 'warning',
        condition: 'preflight',
        title: pressing
          ? `${credential} must be rotated now and no destination can be written`
          : `${credential} is due for rotation and waits for ${names.join(', ')}`,
        summary:
          'Nothing was minted: the overlap would run while a destination cannot be written. The old key stays in use. ' +
          (failure?.message ?? ''),
        action: `Make the destination writable; the rotation then goes on by itself. See: keywarden check`,
        deadline: currentVersion(situation.snapshot.versions)?.expiresAt ?? null,
        evidence: {
          rotation: rotation.id,
          destinations: names,
          ...(failure === null ? {} : failureEvidence(failure)),
        },
      }),
    ],
  );
}

/** The answer goes to the journal before anything is believed of it; a failure is read by its verdict. */
export function foldMint(
  situation: Situation,
  action: Extract<Action, { do: 'mint' }>,
  outcome: Extract<Outcome, { of: 'mint' }>,
  now: number,
): Folded {
  const rotation: Rotation = { ...action.rotation, intent: action.intent };
  if ('answer' in outcome) {
    return folded([
      { type: 'journal.put', rotationId: rotation.id, answer: outcome.answer, at: now },
      putRotation({ ...rotation, answeredAt: now }),
    ]);
  }
  const { failure } = outcome;
  // Surely not processed: this send does not count.
  const sends = failure.verdict === 'unknown' ? action.intent.sends : action.intent.sends - 1;
  const settled: Rotation = { ...rotation, intent: { ...action.intent, sends } };
  const tooLong = now - action.intent.committedAt > GIVE_UP_AFTER && !isDying(situation);
  const refused = failure.verdict === 'permanent' || failure.verdict === 'rejected';
  if (rotation.trigger === 'emergency' && refused) return persist(situation, settled, failure, now);
  if (sends === 0 && (refused || (tooLong && rotation.trigger !== 'emergency')))
    return fail(situation, settled, failure, now);
  return retryMint(situation, settled, failure, now);
}

/** True where the current key has an end known to us and no successor is held yet. */
function isDying({ snapshot }: Situation): boolean {
  return (currentVersion(snapshot.versions)?.expiresAt ?? null) !== null;
}

function retryMint(situation: Situation, rotation: Rotation, failure: Failure, now: number): Folded {
  const attempts = rotation.attempts + 1;
  const retryAt = now + backoff(attempts, { retryAfterMs: failure.retryAfterMs });
  const changes: Change[] = [
    putRotation({ ...rotation, attempts, retryAt, lastError: failure }),
    moveStep(situation.steps, rotation.id, 'mint', 'failed', now, { error: failure }),
  ];
  if (failure.verdict === 'rejected' || failure.verdict === 'permanent')
    return folded(changes, [refusal(situation, rotation, failure, retryAt, now)]);
  if (attempts < UNUSABLE_LIMIT || (rotation.intent?.sends ?? 0) === 0) return folded(changes);
  return folded(changes, [outcomeUnknown(rotation, failure, now)]);
}

/** An emergency is not given up: it stays open, calls a person, and goes on trying by itself. */
function persist(situation: Situation, rotation: Rotation, failure: Failure, now: number): Folded {
  const { credential } = rotation;
  const attempts = rotation.attempts + 1;
  const pause = Math.min(HOUR, MINUTE * 2 ** Math.min(attempts - 1, 6));
  const retryAt = now + Math.max(pause, failure.retryAfterMs ?? 0);
  const signals: Signal[] = [
    raise('rotation-attention', credential, now, {
      severity: 'critical',
      title: `${credential}: the emergency rotation is refused by the provider; the old key is still in use`,
      summary: `Nothing was minted. It is tried again by itself, next at ${formatTime(retryAt)}. ${failure.message}`,
      action: `Revoke the key in the provider's console if it is known to others, make a new one there, then: keywarden adopt ${credential} < file-with-the-key`,
      evidence: { rotation: rotation.id, ...failureEvidence(failure) },
    }),
  ];
  if (failure.verdict === 'rejected') signals.push(refusal(situation, rotation, failure, retryAt, now));
  return folded(
    [
      putRotation({ ...rotation, state: 'attention', attempts, retryAt, lastError: failure }),
      moveStep(situation.steps, rotation.id, 'mint', 'failed', now, { error: failure }),
    ],
    signals,
  );
}

function outcomeUnknown(rotation: Rotation, failure: Failure, now: number): Signal {
  return raise('rotation-failed', rotation.credential, now, {
    severity: 'warning',
    title: `${rotation.credential}: the provider gives no usable answer to the mint, ${rotation.attempts + 1} times now`,
    summary: `A new key may exist at the provider. The same request goes on being repeated under one Idempotency-Key; the old key stays in use. ${failure.message}`,
    action: `Look at the provider's status; then: keywarden history ${rotation.credential}`,
    evidence: { rotation: rotation.id, ...failureEvidence(failure) },
  });
}

/** Nothing was minted: the old key stays, and the next try rests for an hour, doubling to a day. */
function fail(situation: Situation, rotation: Rotation, failure: Failure, now: number): Folded {
  const { credential } = rotation;
  const failures = situation.snapshot.record.attempts + 1;
  const retryAt = now + Math.max(restWithin(situation, failures, now), failure.retryAfterMs ?? 0);
  return folded(
    [
      putRotation({ ...rotation, state: 'failed', endedAt: now, lastError: failure }),
      moveStep(situation.steps, rotation.id, 'mint', 'failed', now, { error: failure }),
      {
        type: 'credential.put',
        record: { ...situation.snapshot.record, attempts: failures, retryAt, lastError: failure },
      },
      audit(now, rotation.actor, 'rotation.failed', credential, {
        rotation: rotation.id,
        code: failure.code,
      }),
    ],
    [
      resolve('store-unreachable', credential, now, 'preflight'),
      refusal(situation, rotation, failure, retryAt, now),
    ],
  );
}

/** While the current key has an end, the rest is at most a twentieth of what is left of it. */
function restWithin({ snapshot }: Situation, failures: number, now: number): number {
  const end = currentVersion(snapshot.versions)?.expiresAt ?? null;
  return end === null ? rest(failures) : Math.min(rest(failures), Math.max(MINUTE, (end - now) / 20));
}

/** What is told of a mint that the provider surely refused. */
function refusal(
  { snapshot }: Situation,
  rotation: Rotation,
  failure: Failure,
  retryAt: number,
  now: number,
): Signal {
  const { credential } = rotation;
  const signer = currentVersion(snapshot.versions);
  if (failure.verdict === 'rejected') return keyRejected(credential, signer?.keyId ?? null, failure, now);
  return raise('rotation-failed', credential, now, {
    severity: signer?.expiresAt == null ? 'warning' : 'critical',
    title: `${credential}: rotation failed, nothing was minted, the old key stays`,
    summary: `${failure.message}. It is tried again by itself, not before ${formatTime(retryAt)}.`,
    action: `keywarden rotate ${credential} --reason "retry after repair"`,
    deadline: signer?.expiresAt ?? null,
    evidence: { rotation: rotation.id, ...failureEvidence(failure) },
  });
}

/** The journaled answer is read: a new version, or a body without a usable key. */
export function foldTake(
  situation: Situation,
  rotation: Rotation,
  outcome: Extract<Outcome, { of: 'take' }>,
  now: number,
  newId: Ids,
): Folded {
  if ('taken' in outcome) return accept(situation, rotation, outcome.taken, now, newId);
  const { failure } = outcome;
  const attempts = rotation.attempts + 1;
  // The journal keeps the body for a person; the same request is repeated and may get a whole answer.
  const next: Rotation = {
    ...rotation,
    answeredAt: null,
    attempts,
    retryAt: now + backoff(attempts, {}),
    lastError: failure,
    state: attempts >= UNUSABLE_LIMIT ? 'attention' : rotation.state,
  };
  const changes = [
    putRotation(next),
    moveStep(situation.steps, rotation.id, 'mint', 'failed', now, { error: failure }),
  ];
  if (next.state !== 'attention') return folded(changes);
  return folded(changes, [
    raise('rotation-attention', rotation.credential, now, {
      severity: 'critical',
      title: `${rotation.credential}: the provider minted a key that cannot be used`,
      summary: `Nothing was published; the old key stays in use. The last answer is kept sealed and the request goes on being repeated. ${failure.message}`,
      action: `Ask the provider what became of the request; to start afresh: keywarden rotate ${rotation.credential} --emergency --reason "unusable answer"`,
      evidence: { rotation: rotation.id, ...failureEvidence(failure) },
    }),
  ]);
}

function accept(situation: Situation, rotation: Rotation, taken: Taken, now: number, newId: Ids): Folded {
  const { credential } = rotation;
  const { versions } = situation.snapshot;
  const signer = versionById(versions, rotation.intent?.signerVersionId ?? null);
  const version: Version = {
    id: newId(),
    credential,
    number: nextNumber(versions),
    keyId: taken.keyId,
    state: 'pending',
    origin: 'minted',
    fingerprint: taken.fingerprint,
    createdAt: taken.createdAt,
    expiresAt: null,
  };
  const lost = lostMint(versions, signer, taken);
  const orphan: Version | null = lost
    ? {
        ...version,
        id: newId(),
        number: version.number,
        keyId: null,
        state: 'orphaned',
        fingerprint: null,
        createdAt: taken.previousRotatedAt,
      }
    : null;
  const minted: Version = orphan === null ? version : { ...version, number: version.number + 1 };
  return folded(
    [
      ...(orphan === null ? [] : [{ type: 'version.put', version: orphan } as const]),
      { type: 'version.put', version: minted, value: taken.value },
      ...(signer === null
        ? []
        : [{ type: 'version.put', version: { ...signer, expiresAt: taken.previousExpiresAt } } as const]),
      { type: 'journal.delete', rotationId: rotation.id },
      putRotation({
        ...rotation,
        state: 'verifying',
        newVersionId: minted.id,
        previousVersionId: signer?.id ?? null,
        mintedAt: taken.createdAt,
        overlapEndsAt: taken.previousExpiresAt,
        attempts: 0,
        retryAt: null,
        lastError: null,
      }),
      moveStep(situation.steps, rotation.id, 'mint', 'done', now),
      {
        type: 'credential.put',
        record: { ...situation.snapshot.record, attempts: 0, retryAt: null, lastError: null },
      },
      audit(now, rotation.actor, 'version.minted', credential, {
        rotation: rotation.id,
        keyId: taken.keyId,
        number: minted.number,
      }),
    ],
    [
      resolve('credential-rejected', credential, now),
      resolve('rotation-attention', credential, now),
      ...(lost ? [orphaned(rotation, signer, taken, now)] : []),
    ],
  );
}

/**
 * True where the signing key had been rotated before this mint and no version of ours came of that: an earlier call
 * had its effect and its key is not ours to have. Both times are the provider's, so no clock of ours matters.
 */
function lostMint(versions: readonly Version[], signer: Version | null, taken: Taken): boolean {
  if (taken.createdAt - taken.previousRotatedAt <= SAME_CALL) return false;
  // The signer itself may be as young as that: adopted and rotated in one moment.
  return !versions.some(
    ({ id, createdAt }) => id !== signer?.id && Math.abs(createdAt - taken.previousRotatedAt) <= SAME_CALL,
  );
}

function orphaned(rotation: Rotation, signer: Version | null, taken: Taken, now: number): Signal {
  const signedBy = signer?.keyId ?? 'the current key';
  return raise('key-orphaned', rotation.credential, now, {
    severity: 'critical',
    condition: rotation.id,
    title: `${rotation.credential}: a key minted at ${formatTime(taken.previousRotatedAt)} never reached us`,
    summary:
      `It was signed by ${signedBy}; the provider's answer was lost, or somebody else holds it. It is live and nobody here has it. ` +
      `The overlap of ${signedBy} counts from that mint: ${formatDuration(Math.max(0, taken.previousExpiresAt - now))} are left.`,
    action: `Find the key made at that time in the provider's console and revoke it (not ${taken.keyId}, which is in use).`,
    deadline: taken.previousExpiresAt,
    evidence: {
      rotation: rotation.id,
      signedBy,
      mintedAt: formatTime(taken.previousRotatedAt),
      keyInUse: taken.keyId,
    },
  });
}
