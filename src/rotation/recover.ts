import type { CredentialRecord, Failure, Rotation, Signal, Version } from '../model/index.ts';
import { formatDuration, MINUTE } from '../model/index.ts';
import { rest } from './backoff.ts';
import { blankRotation } from './blank-rotation.ts';
import { endEarly, endOpen } from './end.ts';
import { adopt } from './fold-adoption.ts';
import { publishEverywhere } from './fold-verify.ts';
import { audit, type Folded, folded, type Ids, putRotation } from './folded.ts';
import { keyRejected } from './key-rejected.ts';
import { resolve } from './signals.ts';
import type { Candidate, HeldTest, Outcome, Reading, Situation } from './situation.ts';
import { applied } from './situation.ts';
import { initialSteps } from './steps.ts';
import { termsOf } from './terms.ts';
import { giveUpMint } from './uncertain.ts';
import { currentVersion, nextNumber, versionById } from './versions.ts';

type Recovery = Extract<Outcome, { of: 'recover' }>;

/** While the current key is refused, stores and held keys are tried again so often. */
const LOOKS_EVERY = 5 * MINUTE;

/** Which versions a recovery tests: the refused one first, then all that may still work, newest first. */
export function heldForRecovery({ snapshot }: Pick<Situation, 'snapshot'>): readonly Version[] {
  const current = currentVersion(snapshot.versions);
  const others = snapshot.versions.filter(
    ({ state, fingerprint }) =>
      fingerprint !== null && (state === 'retiring' || state === 'unused' || state === 'compromised'),
  );
  return current === null ? others : [current, ...others];
}

/** True where the way out is being looked for by a rotation that has not failed yet. */
function isRecovering({ record, open, versions }: Situation['snapshot']): boolean {
  if (open === null) return false;
  const answered = open.newVersionId === null && open.answeredAt !== null;
  const pending = versionById(versions, open.newVersionId)?.state === 'pending';
  const settling = pending && open.state === 'verifying';
  return answered || settling || (open.id === record.recoveryId && open.state !== 'attention' && !pending);
}

/** When it is looked for a way out again; null: that is not under way, or left to a rotation. */
export function recoverAt({ snapshot }: Pick<Situation, 'snapshot'>): number | null {
  const { record } = snapshot;
  return record.state === 'rejected' && !isRecovering(snapshot) ? (record.retryAt ?? 0) : null;
}

/**
 * What to do about a current key that the provider refuses, best first: it is accepted after all; somebody has put a
 * newer key into a store; a key that we hold unused works by now; an older key still works and mints a successor, once;
 * a person must make a key.
 */
export function foldRecovery(situation: Situation, outcome: Recovery, now: number, newId: Ids): Folded {
  const current = currentVersion(situation.snapshot.versions);
  const verdict = (id: string | undefined) => outcome.held.find(({ versionId }) => versionId === id) ?? null;
  const ofCurrent = verdict(current?.id);
  if (ofCurrent?.accepted === true) return acceptedAgain(situation, now);
  // A current key that could not be asked about is not a refused one.
  if (current !== null && ofCurrent?.accepted !== false) return nothingFound(situation, null, now);
  const found = newerIn(situation, outcome.readings);
  if (found !== null) return takeFound(situation, outcome, found, now, newId);
  const working = outcome.held.filter(({ accepted }) => accepted === true);
  const unused = firstIn(situation, working, 'unused');
  if (unused !== null) return useHeld(situation, unused, now);
  const older = firstIn(situation, working, 'retiring') ?? firstIn(situation, working, 'compromised');
  const told = ofCurrent?.failure ?? null;
  if (older !== null && situation.snapshot.record.recoveryId === null && mayMint(situation))
    return beginRecovery(situation, older, told, now, newId);
  return nothingFound(situation, told, now);
}

/** One that has begun goes on to its mint, though a person makes the keys from now on. */
function mayMint({ policy, snapshot: { open } }: Situation): boolean {
  return policy.mode === 'automatic' || (open !== null && open.newVersionId === null);
}

/** A mint that was refused with a key that is accepted rests as any that failed, so that it is not sent on and on. */
function acceptedAgain({ snapshot }: Situation, now: number): Folded {
  const { record } = snapshot;
  return folded(
    [
      {
        type: 'credential.put',
        record: {
          ...managed(record),
          attempts: record.attempts,
          retryAt: record.attempts > 0 ? now + rest(record.attempts) : null,
        },
      },
      audit(now, 'daemon', 'key.accepted-again', record.name),
    ],
    [resolve('credential-rejected', record.name, now)],
  );
}

function managed(record: CredentialRecord): CredentialRecord {
  return { ...record, state: 'managed', attempts: 0, retryAt: null, lastError: null, recoveryId: null };
}

/** A working value in a store that is none of our versions, by our mark the newest; null where there is none. */
function newerIn({ snapshot, installation }: Situation, readings: readonly Reading[]): Candidate | null {
  const { versions, record } = snapshot;
  const strange = readings.flatMap(({ candidate }) => {
    if (candidate === null || candidate.accepted !== true) return [];
    const { mark, fingerprint } = candidate;
    const ours = mark === null || (mark.installation === installation && mark.credential === record.name);
    return ours && !versions.some((version) => version.fingerprint === fingerprint) ? [candidate] : [];
  });
  const newest = strange.toSorted((a, b) => (b.mark?.number ?? 0) - (a.mark?.number ?? 0))[0];
  return newest ?? null;
}

function takeFound(
  situation: Situation,
  outcome: Recovery,
  found: Candidate,
  now: number,
  newId: Ids,
): Folded {
  const { ended, after } = endOpen(situation, now);
  const adopted = adopt(
    after,
    { of: 'adopt', readings: outcome.readings, configured: null, fault: null },
    found,
    now,
    newId,
  );
  return folded([...ended.changes, ...adopted.changes], [...ended.signals, ...adopted.signals]);
}

function firstIn(
  { snapshot }: Situation,
  working: readonly HeldTest[],
  state: Version['state'],
): Version | null {
  return (
    snapshot.versions.find(
      (version) => version.state === state && working.some(({ versionId }) => versionId === version.id),
    ) ?? null
  );
}

/** A key of ours that was not accepted in its time works by now: nothing needs to be minted. */
function useHeld(situation: Situation, version: Version, now: number): Folded {
  const { ended, after } = endOpen(situation, now);
  const { record, versions } = after.snapshot;
  const current = currentVersion(versions);
  return folded(
    [
      ...ended.changes,
      ...(current === null
        ? []
        : [{ type: 'version.put', version: { ...current, state: 'retired' } } as const]),
      {
        type: 'version.put',
        version: {
          ...version,
          state: 'current',
          number: nextNumber(versions),
          acceptedAt: now,
          probedAt: now,
        },
      },
      { type: 'credential.put', record: managed(record) },
      ...publishEverywhere(situation, now),
      audit(now, 'daemon', 'version.current', record.name, { keyId: version.keyId, number: version.number }),
    ],
    [
      ...ended.signals,
      resolve('credential-rejected', record.name, now),
      resolve('rotation-failed', record.name, now),
    ],
  );
}

/** An older key that still works signs the mint of a successor: once, for a refused key a second mint would be too. */
function beginRecovery(
  situation: Situation,
  signer: Version,
  failure: Failure | null,
  now: number,
  newId: Ids,
): Folded {
  const { open } = situation.snapshot;
  // A rotation that has minted nothing yet goes on, with another signer.
  const goesOn = open !== null && open.newVersionId === null ? open : null;
  const id = goesOn?.id ?? newId();
  const before = givenUp(situation, goesOn, id, now);
  const { record } = applied(situation, before.changes).snapshot;
  const rotation: Rotation = {
    ...(goesOn ?? {
      ...blankRotation(record.name, id, now),
      trigger: 'emergency',
      actor: 'daemon',
      reason: 'the provider refuses the current key',
      terms: termsOf(situation.policy),
    }),
    signerVersionId: signer.id,
    intent: null,
    preflightedAt: null,
    attempts: 0,
    retryAt: null,
  };
  const begun =
    goesOn === null
      ? [
          ...initialSteps(
            rotation,
            situation.destinations.map(({ id }) => id),
          ),
          audit(now, 'daemon', 'rotation.minting', record.name, {
            rotation: rotation.id,
            trigger: 'emergency',
          }),
        ]
      : [];
  return folded(
    [
      ...before.changes,
      putRotation(rotation),
      ...begun,
      { type: 'credential.put', record: { ...record, recoveryId: rotation.id } },
    ],
    [
      ...before.signals,
      resolve('rotation-failed', record.name, now),
      rejectedAlert(
        situation,
        failure,
        `A successor is being minted by ${signer.keyId ?? 'the older key'}, which still works.`,
        now,
      ),
    ],
  );
}

/** What a recovery takes the place of: an unanswered mint of the same rotation, or one whose key is the refused one. */
function givenUp(situation: Situation, goesOn: Rotation | null, by: string, now: number): Folded {
  const { open } = situation.snapshot;
  if (open === null) return folded([]);
  if (goesOn !== null) return folded(giveUpMint(situation, goesOn, now));
  return endEarly(situation, open, 'superseded', now, { actor: 'daemon', detail: { by } });
}

/** A person must help; meanwhile it is looked again and again. */
function nothingFound(situation: Situation, failure: Failure | null, now: number): Folded {
  const { record } = situation.snapshot;
  const retryAt = now + LOOKS_EVERY;
  const next: CredentialRecord = { ...record, retryAt, lastError: failure ?? record.lastError };
  const looked = `No store holds a working one; it is looked for again every ${formatDuration(LOOKS_EVERY)}.`;
  return folded(
    [{ type: 'credential.put', record: next }],
    // A provider that cannot be asked refuses nobody.
    failure === null
      ? []
      : [resolve('rotation-failed', record.name, now), rejectedAlert(situation, failure, looked, now)],
  );
}

function rejectedAlert(situation: Situation, failure: Failure | null, done: string, now: number): Signal {
  const { record, versions } = situation.snapshot;
  const current = currentVersion(versions);
  const reason = failure ??
    record.lastError ?? { code: 'rejected', verdict: 'rejected', message: 'the provider refused it' };
  return keyRejected(record.name, current?.keyId ?? null, reason, done, now);
}
