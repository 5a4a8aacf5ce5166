import type { Change, Failure, Rotation, Signal } from '../model/index.ts';
import { formatTime, HOUR, MINUTE } from '../model/index.ts';
import { backoff, repeatAfter, rest } from './backoff.ts';
import { mintFailed } from './end.ts';
import { type Folded, folded, putRotation } from './folded.ts';
import { UNUSABLE_LIMIT } from './limits.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import { type Action, type Outcome, type Situation, withRecord } from './situation.ts';
import { termsFor } from './terms.ts';
import { become } from './transitions.ts';
import { leftOfSigner } from './uncertain.ts';
import { currentVersion, isDying } from './versions.ts';
import { waysOutText } from './ways-out.ts';

/** A scheduled or manual mint that the provider surely did not process is given up for now after this long. */
const GIVE_UP_AFTER = HOUR;

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
  const tooLong = now - action.intent.committedAt > GIVE_UP_AFTER && !isDying(situation.snapshot.versions);
  const refused = failure.verdict === 'permanent' || failure.verdict === 'rejected';
  if (rotation.trigger === 'emergency' && refused) return persist(situation, settled, failure, now);
  if (sends === 0 && (refused || (tooLong && rotation.trigger !== 'emergency')))
    return fail(situation, settled, failure, now);
  return retryMint(situation, settled, failure, now);
}

function retryMint(situation: Situation, rotation: Rotation, failure: Failure, now: number): Folded {
  const attempts = rotation.attempts + 1;
  const left = leftOfSigner(situation, rotation, now);
  const pause = (rotation.intent?.sends ?? 0) > 0 ? repeatAfter(attempts, left) : backoff(attempts, {});
  const retryAt = now + Math.max(pause, failure.retryAfterMs ?? 0);
  const changes: Change[] = [
    putRotation({ ...rotation, attempts, retryAt, lastError: failure }),
    mintFailed(situation, rotation, failure, now),
    ...rejectedKey(situation, failure),
  ];
  if (failure.verdict === 'permanent')
    return folded(changes, [refusal(situation, rotation, failure, retryAt, now)]);
  if (attempts < UNUSABLE_LIMIT || (rotation.intent?.sends ?? 0) === 0) return folded(changes);
  return folded(changes, [outcomeUnknown(situation, rotation, failure, now)]);
}

/**
 * The provider refuses the key that signed: what is to be done about the current one is looked into before anybody is
 * called. A recovery's signer is an older key: its refusal says nothing new.
 */
function rejectedKey({ snapshot }: Situation, failure: Failure): Change[] {
  const { record } = snapshot;
  if (failure.verdict !== 'rejected' || record.state === 'rejected') return [];
  return [
    {
      type: 'credential.put',
      record: { ...record, state: 'rejected', retryAt: null, lastError: failure },
    },
  ];
}

/** An emergency is not given up: it stays open, calls a person, and goes on trying by itself. */
function persist(situation: Situation, rotation: Rotation, failure: Failure, now: number): Folded {
  const attempts = rotation.attempts + 1;
  const pause = Math.min(HOUR, MINUTE * 2 ** Math.min(attempts - 1, 6));
  const retryAt = now + Math.max(pause, failure.retryAfterMs ?? 0);
  return folded(
    [
      ...become(rotation, 'attention', { attempts, retryAt, lastError: failure }, now),
      mintFailed(situation, rotation, failure, now),
      ...rejectedKey(situation, failure),
    ],
    [
      raise('rotation-attention', rotation.credential, now, {
        severity: 'critical',
        title: `${rotation.credential}: the emergency rotation is refused by the provider; the old key is still in use`,
        summary: `${failure.message}. Nothing was minted. It is tried again by itself, next at ${formatTime(retryAt)}.`,
        action: `Revoke the key in the provider's console if it is known to others, make a new one there and hand it over. ${waysOutText(situation, rotation)}`,
        evidence: { rotation: rotation.id, ...failureEvidence(failure) },
      }),
    ],
  );
}

/** A fifth of the overlap: by then a person has to know. */
const GRAVE_FROM = 0.2;

function outcomeUnknown(situation: Situation, rotation: Rotation, failure: Failure, now: number): Signal {
  const left = leftOfSigner(situation, rotation, now);
  const { overlap } = termsFor(situation.policy, rotation);
  return raise('rotation-failed', rotation.credential, now, {
    severity: left < overlap * GRAVE_FROM ? 'critical' : 'warning',
    deadline: now + Math.max(0, left),
    title: `${rotation.credential}: the provider gives no usable answer to the mint, ${rotation.attempts + 1} times now`,
    summary: `${failure.message}. A new key may exist at the provider. The same request goes on being repeated under one Idempotency-Key; the old key stays in use.`,
    action: `Look at the provider's status; then: \`keywarden history ${rotation.credential}\``,
    evidence: { rotation: rotation.id, ...failureEvidence(failure) },
  });
}

/** Nothing was minted: the old key stays, and the next try rests for an hour, doubling to a day. */
function fail(situation: Situation, rotation: Rotation, failure: Failure, now: number): Folded {
  const { credential } = rotation;
  const { record } = situation.snapshot;
  const failures = record.attempts + 1;
  const retryAt = now + Math.max(restWithin(situation, failures, now), failure.retryAfterMs ?? 0);
  const resting = { ...record, attempts: failures, retryAt, lastError: failure };
  return folded(
    [
      ...become(rotation, 'failed', { lastError: failure }, now, { detail: { code: failure.code } }),
      mintFailed(situation, rotation, failure, now),
      { type: 'credential.put', record: resting },
      ...rejectedKey(withRecord(situation, resting), failure),
    ],
    [
      resolve('store-unreachable', credential, now, 'preflight'),
      // A further mint may have been refused: what the one before was told of has ended with the rotation.
      resolve('rotation-attention', credential, now),
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
  return raise('rotation-failed', credential, now, {
    severity: signer?.expiresAt == null ? 'warning' : 'critical',
    title: `${credential}: rotation failed, nothing was minted, the old key stays`,
    summary: `${failure.message}. It is tried again by itself, not before ${formatTime(retryAt)}.`,
    action: `Repair what the error names, then: \`keywarden rotate ${credential} --reason "retry after repair"\``,
    deadline: signer?.expiresAt ?? null,
    evidence: { rotation: rotation.id, ...failureEvidence(failure) },
  });
}
