import type { CredentialSnapshot, Failure, Secret, Version } from '../model/index.ts';
import { formatTime } from '../model/index.ts';
import { audit, type Folded, folded, type Ids } from './folded.ts';
import { failureEvidence, raise } from './signals.ts';
import { nextNumber } from './versions.ts';

/** A mint's answer for which no rotation waits any more. */
export type Strayed = {
  readonly snapshot: CredentialSnapshot;
  readonly rotationId: string;
  readonly answer: Secret;
  /** When it came, by our clock. */
  readonly at: number;
  /** The key in it, or why it cannot be read. */
  readonly key:
    | {
        readonly value: Secret;
        readonly fingerprint: string;
        readonly keyId: string;
        readonly createdAt: number;
      }
    | { readonly failure: Failure };
};

/**
 * What is kept of it: its key as a version of ours, `unused`; an answer that cannot be read stays in the journal. A
 * key that some version already holds is no news.
 */
export function strayedAnswer(strayed: Strayed, now: number, newId: Ids): Folded {
  return 'failure' in strayed.key
    ? unreadable(strayed, strayed.key.failure, now)
    : unused(strayed, strayed.key, now, newId);
}

function unused(
  { snapshot, rotationId, at }: Strayed,
  key: Exclude<Strayed['key'], { readonly failure: Failure }>,
  now: number,
  newId: Ids,
): Folded {
  const { record, versions } = snapshot;
  if (versions.some(({ fingerprint }) => fingerprint === key.fingerprint)) return folded([]);
  // One that was told as lost has been found.
  const lost = versions.find(({ state, keyId }) => state === 'orphaned' && keyId === key.keyId);
  const version: Version = {
    id: lost?.id ?? newId(),
    credential: record.name,
    number: lost?.number ?? nextNumber(versions),
    keyId: key.keyId,
    state: 'unused',
    origin: 'minted',
    fingerprint: key.fingerprint,
    createdAt: key.createdAt,
    expiresAt: null,
    compromisedAt: null,
    acceptedAt: null,
    probedAt: null,
  };
  return folded(
    [
      { type: 'version.put', version, value: key.value },
      audit(now, 'daemon', 'version.strayed', record.name, {
        rotation: rotationId,
        keyId: key.keyId,
        number: version.number,
      }),
    ],
    [
      raise('key-orphaned', record.name, now, {
        severity: 'critical',
        condition: version.id,
        title: `${record.name}: ${key.keyId} was minted and no rotation waits for it`,
        summary: `The provider's answer of ${formatTime(at)} could not be written then, and rotation ${rotationId} has ended or is unknown since. The key is kept sealed as version ${version.number}, unused; it is live and was published nowhere.`,
        action: `Delete ${key.keyId} in the provider's console. Where the current key has ended with it: \`keywarden rotate ${record.name} --emergency\``,
        evidence: { rotation: rotationId, keyId: key.keyId, mintedAt: formatTime(key.createdAt) },
      }),
    ],
  );
}

function unreadable({ snapshot, rotationId, answer, at }: Strayed, failure: Failure, now: number): Folded {
  const { name } = snapshot.record;
  return folded(
    [{ type: 'journal.put', rotationId, answer, at }],
    [
      raise('key-orphaned', name, now, {
        severity: 'critical',
        condition: `answer ${rotationId}`,
        transient: true,
        title: `${name}: an answer to a mint cannot be read, and no rotation waits for it`,
        summary: `${failure.message}. It came at ${formatTime(at)} for rotation ${rotationId} and is kept sealed in the journal.`,
        action: `Look in the provider's console for a key made at that time that Keywarden does not have, and delete it.`,
        evidence: { rotation: rotationId, ...failureEvidence(failure) },
      }),
    ],
  );
}
