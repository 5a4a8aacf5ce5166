import type {
  Change,
  CredentialRecord,
  Destination,
  Failure,
  Mark,
  Signal,
  Version,
} from '../model/index.ts';
import { type Adoption, chooseAdoption } from './adoption.ts';
import { backoff } from './backoff.ts';
import { publishEverywhere } from './fold-verify.ts';
import { audit, type Folded, folded, type Ids } from './folded.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import type { Candidate, Outcome, Situation } from './situation.ts';
import { currentVersion, nextNumber } from './versions.ts';

type AdoptionOutcome = Extract<Outcome, { of: 'adopt' }>;

/** Adopts the newest working key, or says what it waits for. Never mints. */
export function foldAdoption(
  situation: Situation,
  outcome: AdoptionOutcome,
  now: number,
  newId: Ids,
): Folded {
  const choice = chooseAdoption(situation, outcome);
  return choice.decision === 'adopt'
    ? adopt(situation, outcome, choice.candidate, now, newId)
    : hold(situation, choice, now);
}

function adopt(
  situation: Situation,
  outcome: AdoptionOutcome,
  candidate: Candidate,
  now: number,
  newId: Ids,
): Folded {
  const { snapshot, policy } = situation;
  const name = snapshot.record.name;
  const known = snapshot.versions.find(({ fingerprint }) => fingerprint === candidate.fingerprint);
  // A key that the provider gave an end keeps it: its successor stays due.
  const ends = known?.expiresAt != null && known.expiresAt > now ? known.expiresAt : null;
  // `issuedAt` speaks of the first key alone.
  const issuedAt = snapshot.versions.length === 0 ? policy.issuedAt : null;
  const version: Version = known
    ? { ...known, state: 'current', expiresAt: ends }
    : {
        id: candidate.mark?.versionId ?? newId(),
        credential: name,
        number: freeNumber(situation, outcome, candidate.mark),
        keyId: candidate.mark?.keyId ?? candidate.keyId,
        state: 'current',
        origin: candidate.mark === null && outcome.configured === candidate ? 'configured' : 'adopted',
        fingerprint: candidate.fingerprint,
        createdAt: candidate.mark?.createdAt ?? issuedAt ?? now,
        expiresAt: null,
      };
  return folded(
    [
      ...supersedeCurrent(situation, version, now),
      { type: 'version.put', version, value: candidate.value },
      { type: 'credential.put', record: managed(snapshot.record) },
      ...outcome.readings.map(({ destination, candidate: found }): Change => {
        const holds = found?.fingerprint === version.fingerprint && found?.mark?.versionId === version.id;
        return {
          type: 'destination.put',
          destination: arrival(name, destination, holds ? version.id : null, now),
        };
      }),
      ...publishEverywhere(situation, now),
      audit(now, 'daemon', 'version.adopted', name, {
        number: version.number,
        keyId: version.keyId,
        origin: version.origin,
      }),
    ],
    adoptionEnds(name, now),
  );
}

/** The mark's number; without a mark, or where a version of ours has that number, one that is greater than any seen. */
function freeNumber(
  { snapshot, installation }: Situation,
  outcome: AdoptionOutcome,
  mark: Mark | null,
): number {
  if (mark !== null && !snapshot.versions.some(({ number }) => number === mark.number)) return mark.number;
  const seen = outcome.readings.flatMap(({ candidate }) =>
    candidate?.mark?.installation === installation ? [candidate.mark.number] : [],
  );
  return Math.max(nextNumber(snapshot.versions), 1 + Math.max(0, ...seen));
}

/** Whatever an adoption told of what it waited for. */
function adoptionEnds(credential: string, now: number): Signal[] {
  return [
    resolve('credential-rejected', credential, now),
    resolve('rotation-attention', credential, now, 'adopt'),
    resolve('store-unreachable', credential, now, 'adopt'),
    resolve('rotation-failed', credential, now, 'adopt'),
    resolve('rotation-failed', credential, now),
  ];
}

/** A key that a person handed over, already accepted by the provider, takes the current one's place. */
export function install(situation: Situation, version: Version, now: number): Folded {
  const { record } = situation.snapshot;
  const installed: Version = { ...version, state: 'current' };
  return folded(
    [
      ...supersedeCurrent(situation, installed, now),
      { type: 'version.put', version: installed },
      { type: 'credential.put', record: managed(record) },
      ...publishEverywhere(situation, now),
      audit(now, 'daemon', 'version.current', record.name, { number: version.number, keyId: version.keyId }),
    ],
    adoptionEnds(record.name, now),
  );
}

/** Nobody says when a key that a person replaced ends: it is taken to work for one more overlap. */
function supersedeCurrent({ snapshot, policy }: Situation, successor: Version, now: number): Change[] {
  const current = currentVersion(snapshot.versions);
  if (current === null || current.id === successor.id) return [];
  const expiresAt = current.expiresAt ?? now + policy.overlap;
  return [{ type: 'version.put', version: { ...current, state: 'retiring', expiresAt } }];
}

function managed(record: CredentialRecord): CredentialRecord {
  return { ...record, state: 'managed', attempts: 0, retryAt: null, lastError: null };
}

function arrival(credential: string, id: string, versionId: string | null, now: number): Destination {
  return {
    credential,
    id,
    state: versionId === null ? 'pending' : 'published',
    versionId,
    publishedAt: versionId === null ? null : now,
    attempts: 0,
    lastError: null,
  };
}

function hold(situation: Situation, choice: Exclude<Adoption, { decision: 'adopt' }>, now: number): Folded {
  const { record } = situation.snapshot;
  const attempts = record.attempts + 1;
  const next: CredentialRecord = {
    ...record,
    state: choice.decision === 'attention' ? 'attention' : 'new',
    attempts,
    retryAt: now + backoff(attempts, { retryAfterMs: choice.failure.retryAfterMs }),
    lastError: choice.failure,
  };
  return folded(
    [{ type: 'credential.put', record: next }],
    signalsOfHold(record.name, choice, attempts, now),
  );
}

/** A person is called at once where only a person can help, and for an outage once it lasts. */
const PATIENCE = 3;

function signalsOfHold(
  credential: string,
  choice: Exclude<Adoption, { decision: 'adopt' }>,
  attempts: number,
  now: number,
): Signal[] {
  const { failure } = choice;
  const evidence = failureEvidence(failure);
  if (choice.decision === 'attention') {
    const rejected = failure.verdict === 'rejected';
    return [
      raise(rejected ? 'credential-rejected' : 'rotation-attention', credential, now, {
        severity: 'critical',
        condition: rejected ? '' : 'adopt',
        title: rejected
          ? `${credential}: no working key is left`
          : `${credential}: it is not clear which key is the current one`,
        summary: failure.message,
        action: `keywarden adopt ${credential} < file-with-the-key`,
        evidence,
      }),
    ];
  }
  return attempts < PATIENCE ? [] : [waiting(credential, choice.waitsFor, failure, now)];
}

function waiting(credential: string, waitsFor: 'store' | 'provider', failure: Failure, now: number): Signal {
  return raise(waitsFor === 'store' ? 'store-unreachable' : 'rotation-failed', credential, now, {
    severity: 'warning',
    condition: 'adopt',
    title: `${credential} is not looked after yet: Keywarden waits for its ${waitsFor}`,
    summary: `No version is adopted before every required destination was read and tested. ${failure.message}`,
    action: 'keywarden check',
    evidence: failureEvidence(failure),
  });
}
