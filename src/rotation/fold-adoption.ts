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
import { endOpen } from './end.ts';
import { exposureEnds } from './exposure.ts';
import { publishEverywhere } from './fold-verify.ts';
import { audit, type Folded, folded, type Ids } from './folded.ts';
import { guidedRemindersEnd } from './guided.ts';
import { lostKeyEnds } from './orphans.ts';
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
  if (choice.decision !== 'adopt') return hold(situation, choice, now);
  const { candidate } = choice;
  // A rotation that began meanwhile was to replace the key that was the current one: where it still is, it goes on.
  const same = currentVersion(situation.snapshot.versions)?.fingerprint === candidate.fingerprint;
  if (same) return adopt(situation, outcome, candidate, now, newId);
  const { ended, after } = endOpen(situation, now);
  const adopted = adopt(after, outcome, candidate, now, newId);
  return folded([...ended.changes, ...adopted.changes], [...ended.signals, ...adopted.signals]);
}

/** The candidate becomes the current version, everywhere. */
export function adopt(
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
  const seen = known === undefined ? seenInLog(snapshot, candidate) : undefined;
  const end = (known ?? seen)?.expiresAt ?? null;
  const ends = end !== null && end > now ? end : null;
  // `issuedAt` speaks of the first key alone.
  const issuedAt = snapshot.versions.length === 0 ? policy.issuedAt : null;
  const version: Version = known
    ? {
        ...known,
        state: 'current',
        expiresAt: ends,
        number: numberAbove(situation, outcome, known),
        acceptedAt: now,
        probedAt: now,
      }
    : {
        id: candidate.mark?.versionId ?? newId(),
        credential: name,
        number: freeNumber(situation, outcome, candidate.mark),
        keyId: candidate.mark?.keyId ?? candidate.keyId,
        state: 'current',
        origin: candidate.mark === null && outcome.configured === candidate ? 'configured' : 'adopted',
        fingerprint: candidate.fingerprint,
        createdAt: candidate.mark?.createdAt ?? issuedAt ?? now,
        expiresAt: ends,
        compromisedAt: null,
        acceptedAt: now,
        probedAt: now,
      };
  return folded(
    [
      ...supersedeCurrent(situation, version, now),
      ...(seen === undefined ? [] : [found(seen)]),
      { type: 'version.put', version, value: candidate.value },
      { type: 'credential.put', record: managed(snapshot.record) },
      ...outcome.readings.map(({ destination, candidate: found }): Change => {
        const holds = found?.fingerprint === version.fingerprint && found?.mark?.versionId === version.id;
        return {
          type: 'destination.put',
          destination: arrival(situation, destination, holds ? version.id : null, now),
        };
      }),
      ...publishEverywhere(situation, now),
      audit(now, 'daemon', 'version.adopted', name, {
        number: version.number,
        keyId: version.keyId,
        origin: version.origin,
      }),
    ],
    [...adoptionEnds(situation, now), ...(seen === undefined ? [] : lostKeyEnds(seen, now))],
  );
}

/** The row by which a key was known before its value was found: the value has one of its own. */
function found(seen: Version): Change {
  return { type: 'version.put', version: { ...seen, state: 'retired', keyId: null } };
}

/** A key that the log showed before its value was found. */
function seenInLog({ versions }: Situation['snapshot'], candidate: Candidate): Version | undefined {
  return versions.find(
    ({ keyId, state }) =>
      state === 'orphaned' && keyId !== null && keyId === (candidate.mark?.keyId ?? candidate.keyId),
  );
}

/** A number that no destination has seen yet where one bears another version's that is as great: what is there is over. */
function numberAbove(
  { snapshot, installation }: Situation,
  outcome: AdoptionOutcome,
  known: Version,
): number {
  const marks = marksSeen(outcome, installation, snapshot.record.name);
  const greatest = (of: readonly Mark[]) => Math.max(0, ...of.map(({ number }) => number));
  // A later self may have published this very version anew.
  const own = Math.max(known.number, greatest(marks.filter(({ versionId }) => versionId === known.id)));
  const seen = greatest(marks.filter(({ versionId }) => versionId !== known.id));
  const taken = snapshot.versions.some(({ id, number }) => id !== known.id && number === own);
  return taken || seen >= own ? Math.max(nextNumber(snapshot.versions), seen + 1) : own;
}

function marksSeen({ readings }: AdoptionOutcome, installation: string, credential: string): Mark[] {
  return readings.flatMap(({ candidate }) => {
    const mark = candidate?.mark ?? null;
    return mark?.installation === installation && mark.credential === credential ? [mark] : [];
  });
}

/** The mark's number; without a mark, or where a version of ours has that number, one that is greater than any seen. */
function freeNumber(
  { snapshot, installation }: Situation,
  outcome: AdoptionOutcome,
  mark: Mark | null,
): number {
  if (mark !== null && !snapshot.versions.some(({ number }) => number === mark.number)) return mark.number;
  const seen = marksSeen(outcome, installation, snapshot.record.name).map(({ number }) => number);
  return Math.max(nextNumber(snapshot.versions), 1 + Math.max(0, ...seen));
}

/** Whatever an adoption told of what it waited for. */
function adoptionEnds(situation: Situation, now: number): Signal[] {
  const credential = situation.snapshot.record.name;
  const current = currentVersion(situation.snapshot.versions);
  const over = situation.snapshot.record.state === 'rejected' && current !== null;
  return [
    ...guidedRemindersEnd(situation, now),
    ...(over ? exposureEnds(current, now) : []),
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
  const installed: Version = { ...version, state: 'current', acceptedAt: now, probedAt: now };
  return folded(
    [
      ...supersedeCurrent(situation, installed, now),
      { type: 'version.put', version: installed },
      { type: 'credential.put', record: managed(record) },
      ...publishEverywhere(situation, now),
      audit(now, 'daemon', 'version.current', record.name, { number: version.number, keyId: version.keyId }),
    ],
    adoptionEnds(situation, now),
  );
}

/**
 * Nobody says when a key that a person replaced ends: it is taken to work for one more overlap. A guided credential's
 * person will say so, and one that is known to others is asked about; one that the provider refuses has ended.
 */
function supersedeCurrent({ snapshot, policy }: Situation, successor: Version, now: number): Change[] {
  const current = currentVersion(snapshot.versions);
  if (current === null || current.id === successor.id) return [];
  const presumed = policy.mode === 'guided' || current.compromisedAt !== null ? null : now + policy.overlap;
  const valid = current.compromisedAt === null ? 'retiring' : 'compromised';
  const state = snapshot.record.state === 'rejected' ? 'retired' : valid;
  const expiresAt = current.expiresAt ?? presumed;
  return [{ type: 'version.put', version: { ...current, state, expiresAt } }];
}

function managed(record: CredentialRecord): CredentialRecord {
  return { ...record, state: 'managed', attempts: 0, retryAt: null, lastError: null, recoveryId: null };
}

/** A hook that is still owed stays so, and what was looked for in vain is counted on. */
function arrival({ snapshot }: Situation, id: string, versionId: string | null, now: number): Destination {
  const known = snapshot.destinations.find((destination) => destination.id === id);
  return {
    credential: snapshot.record.name,
    id,
    state: versionId === null ? 'pending' : 'published',
    versionId,
    publishedAt: versionId === null ? null : now,
    checkedAt: now,
    hook: known?.hook ?? null,
    attempts: 0,
    looks: versionId === null ? (known?.looks ?? 0) : 0,
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
        summary: `${failure.message}.`,
        action: `Find the key that works, or make one in the provider's console, then: \`keywarden adopt ${credential} < file-with-the-key\``,
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
    summary: `${failure.message}. No version is adopted before every required destination was read and tested.`,
    action: `Bring the ${waitsFor} back within reach; to find the fault: \`keywarden check\``,
    evidence: failureEvidence(failure),
  });
}
