import type { Failure, Rotation, Version } from '../model/index.ts';
import { HOUR } from '../model/index.ts';
import { repeatAfter } from './backoff.ts';
import { mintFailed } from './end.ts';
import { audit, type Folded, folded, type Ids } from './folded.ts';
import { UNUSABLE_LIMIT } from './limits.ts';
import { lostKeyEnds, orphanedKey } from './orphans.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import type { Outcome, Situation, Taken } from './situation.ts';
import { moveStep } from './steps.ts';
import { termsFor } from './terms.ts';
import { become } from './transitions.ts';
import { leftOfSigner, uncertainAt, withUncertain } from './uncertain.ts';
import { nextNumber, versionById } from './versions.ts';
import { waysOutText } from './ways-out.ts';

/** Times that a provider takes within one call differ by no more than this, ms; our calls are at least 1 s apart. */
const SAME_CALL = 500;

/** The journaled answer is read: a new version, or a body without a usable key. */
export function foldTake(
  situation: Situation,
  rotation: Rotation,
  outcome: Extract<Outcome, { of: 'take' }>,
  now: number,
  newId: Ids,
): Folded {
  if ('taken' in outcome) {
    const { fingerprint } = outcome.taken;
    const known = situation.snapshot.versions.some((version) => version.fingerprint === fingerprint);
    if (!known) return accept(situation, rotation, sane(outcome.taken, situation, rotation, now), now, newId);
  }
  const failure = 'failure' in outcome ? outcome.failure : HELD_ALREADY;
  const attempts = rotation.attempts + 1;
  const state = attempts >= UNUSABLE_LIMIT ? 'attention' : rotation.state;
  // The journal keeps the body for a person; the same request is repeated and may get a whole answer.
  const fields = {
    answeredAt: null,
    attempts,
    retryAt: now + repeatAfter(attempts, leftOfSigner(situation, rotation, now)),
    lastError: failure,
  };
  const changes = [...become(rotation, state, fields, now), mintFailed(situation, rotation, failure, now)];
  if (state !== 'attention') return folded(changes);
  return folded(changes, [
    raise('rotation-attention', rotation.credential, now, {
      severity: 'critical',
      title: `${rotation.credential}: the provider minted a key that cannot be used`,
      summary: `${failure.message}. Nothing was published; the old key stays in use. The answers are kept sealed and the request goes on being repeated.`,
      action: `Ask the provider what became of the request. ${waysOutText(situation, { ...rotation, ...fields, state })}`,
      evidence: { rotation: rotation.id, ...failureEvidence(failure) },
    }),
  ]);
}

/** The late answer of an earlier mint: nothing new came of this one yet. */
const HELD_ALREADY: Failure = {
  code: 'held_already',
  verdict: 'unknown',
  message: 'the provider answered with a key that is held already',
};

/** A fresh key is not older than this, whatever a provider's clock says. */
const FRESH = HOUR;

/** Times that cannot be true would end the overlap at once, or begin the next rotation at once: ours are taken then. */
function sane(taken: Taken, { policy }: Situation, rotation: Rotation, now: number): Taken {
  const strange = Math.abs(taken.createdAt - now) > FRESH;
  const createdAt = strange ? now : taken.createdAt;
  const ended = taken.previousExpiresAt <= now;
  return {
    ...taken,
    createdAt,
    previousRotatedAt: strange ? now : taken.previousRotatedAt,
    previousExpiresAt: ended ? now + termsFor(policy, rotation).overlap : taken.previousExpiresAt,
  };
}

function accept(situation: Situation, rotation: Rotation, taken: Taken, now: number, newId: Ids): Folded {
  const { credential } = rotation;
  const { versions, record } = situation.snapshot;
  const signer = versionById(versions, rotation.intent?.signerVersionId ?? null);
  const lost = lostMint(situation, signer, taken);
  const orphan = lost ? orphanOf(situation, rotation, signer, taken, now, newId) : null;
  // The log may have shown the key before its answer came.
  const seen = versions.find(({ keyId, state }) => keyId === taken.keyId && state === 'orphaned');
  const number = nextNumber(versions) + (orphan === null ? 0 : 1);
  const minted = mintedVersion(credential, taken, number, seen?.id ?? newId());
  const known = rotation.intent === null ? record : withUncertain(record, rotation, rotation.intent, now);
  return folded(
    [
      ...(orphan?.changes ?? []),
      { type: 'version.put', version: minted, value: taken.value },
      ...(signer === null
        ? []
        : [{ type: 'version.put', version: { ...signer, expiresAt: taken.previousExpiresAt } } as const]),
      { type: 'journal.delete', rotationId: rotation.id },
      ...become(
        rotation,
        'verifying',
        {
          newVersionId: minted.id,
          previousVersionId: signer?.id ?? null,
          mints: rotation.mints + 1,
          mintedAt: taken.createdAt,
          overlapEndsAt: taken.previousExpiresAt,
          attempts: 0,
          retryAt: null,
          lastError: null,
        },
        now,
        { detail: { keyId: taken.keyId, number: minted.number } },
      ),
      moveStep(situation.steps, rotation.id, 'mint', 'done', now),
      {
        type: 'credential.put',
        // A rejected current key stays rejected until its successor is accepted.
        record: {
          ...known,
          attempts: 0,
          retryAt: null,
          lastError: record.state === 'rejected' ? record.lastError : null,
        },
      },
      audit(now, rotation.actor, 'version.minted', credential, {
        rotation: rotation.id,
        keyId: taken.keyId,
        number: minted.number,
      }),
    ],
    [
      ...(rotation.mints === 0 ? [resolve('rotation-attention', credential, now)] : []),
      ...(orphan?.signals ?? []),
      ...(seen === undefined ? [] : lostKeyEnds(seen, now)),
    ],
  );
}

function mintedVersion(credential: string, taken: Taken, number: number, id: string): Version {
  return {
    id,
    credential,
    number,
    keyId: taken.keyId,
    state: 'pending',
    origin: 'minted',
    fingerprint: taken.fingerprint,
    createdAt: taken.createdAt,
    expiresAt: null,
    compromisedAt: null,
    acceptedAt: null,
    probedAt: null,
  };
}

/**
 * True where the signing key had been rotated before this mint and no version of ours came of that: an earlier call
 * had its effect and its key is not ours to have. Both times are the provider's, so no clock of ours matters.
 */
function lostMint({ snapshot }: Situation, signer: Version | null, taken: Taken): boolean {
  const { versions, record } = snapshot;
  if (taken.createdAt - taken.previousRotatedAt <= SAME_CALL) return false;
  // Somebody else's mint was told when the log showed it, which gave the signer its end.
  const known = signer !== null && signer.expiresAt !== null;
  if (known && uncertainAt(record, signer, taken.previousRotatedAt) === null) return false;
  // The signer itself may be as young as that: adopted and rotated in one moment.
  return !versions.some(
    ({ id, createdAt }) => id !== signer?.id && Math.abs(createdAt - taken.previousRotatedAt) <= SAME_CALL,
  );
}

function orphanOf(
  situation: Situation,
  rotation: Rotation,
  signer: Version | null,
  taken: Taken,
  now: number,
  newId: Ids,
): Folded {
  return orphanedKey(
    {
      credential: rotation.credential,
      rotationId: rotation.id,
      number: nextNumber(situation.snapshot.versions),
      signedBy: signer?.keyId ?? null,
      keyId: null,
      mintedAt: taken.previousRotatedAt,
      signerEndsAt: taken.previousExpiresAt,
      keyInUse: taken.keyId,
    },
    now,
    newId,
  );
}
