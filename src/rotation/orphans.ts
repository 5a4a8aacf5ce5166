import type { Signal, Version } from '../model/index.ts';
import { formatDuration, formatTime } from '../model/index.ts';
import { audit, type Folded, folded, type Ids } from './folded.ts';
import { raise, resolve } from './signals.ts';

/** A key that was minted for us and whose value never reached us. */
export type OrphanFacts = {
  readonly credential: string;
  readonly rotationId: string | null;
  readonly number: number;
  /** The id of the key that signed its mint, where it is known. */
  readonly signedBy: string | null;
  /** Its own id, where the log gave it. */
  readonly keyId: string | null;
  /** By the provider's clock. */
  readonly mintedAt: number;
  readonly signerEndsAt: number | null;
  /** The key that came of the rotation in the end, which is not the lost one. */
  readonly keyInUse: string | null;
};

/** A live key of the account whose value nobody here has. */
export function lostVersion(
  credential: string,
  known: Pick<Version, 'id' | 'number' | 'keyId' | 'createdAt'>,
): Version {
  return {
    ...known,
    credential,
    state: 'orphaned',
    origin: 'minted',
    fingerprint: null,
    expiresAt: null,
    compromisedAt: null,
    acceptedAt: null,
    probedAt: null,
  };
}

/** Its version, and the page. */
export function orphanedKey(facts: OrphanFacts, now: number, newId: Ids): Folded {
  const { credential, number, keyId, mintedAt } = facts;
  const version = lostVersion(credential, { id: newId(), number, keyId, createdAt: mintedAt });
  return folded(
    [
      { type: 'version.put', version },
      audit(now, 'daemon', 'version.orphaned', credential, { rotation: facts.rotationId, keyId, number }),
    ],
    [orphanAlert(version, facts, now)],
  );
}

/** The log has given the id of an orphan that was known by its time alone. */
export function identifiedOrphan(
  version: Version,
  keyId: string,
  signedBy: string | null,
  now: number,
): Folded {
  const facts: OrphanFacts = {
    credential: version.credential,
    rotationId: null,
    number: version.number,
    signedBy,
    keyId,
    mintedAt: version.createdAt,
    signerEndsAt: null,
    keyInUse: null,
  };
  return folded(
    [{ type: 'version.put', version: { ...version, keyId } }],
    [orphanAlert({ ...version, keyId }, facts, now)],
  );
}

function orphanAlert(version: Version, facts: OrphanFacts, now: number): Signal {
  const signedBy = facts.signedBy ?? 'the current key';
  const which = facts.keyId === null ? `a key minted at ${formatTime(facts.mintedAt)}` : facts.keyId;
  const left = facts.signerEndsAt === null ? null : Math.max(0, facts.signerEndsAt - now);
  return raise('key-orphaned', facts.credential, now, {
    severity: 'critical',
    condition: version.id,
    title: `${facts.credential}: ${which} is live and nobody here holds it`,
    summary:
      `It was signed by ${signedBy} at ${formatTime(facts.mintedAt)}; the provider's answer was lost, or somebody else holds it.` +
      (left === null
        ? ''
        : ` The overlap of ${signedBy} counts from that mint: ${formatDuration(left)} are left.`),
    action:
      facts.keyId === null
        ? `Find the key made at that time in the provider's console and revoke it${facts.keyInUse === null ? '' : ` (not ${facts.keyInUse}, which is in use)`}.`
        : `Revoke ${facts.keyId} in the provider's console, then: \`keywarden retire ${facts.credential} ${version.number}\``,
    deadline: facts.signerEndsAt,
    evidence: {
      rotation: facts.rotationId,
      signedBy,
      mintedAt: formatTime(facts.mintedAt),
      keyId: facts.keyId,
      keyInUse: facts.keyInUse,
    },
  });
}

/** What was told of a lost key ends: its value was found, or a person has revoked it. */
export function lostKeyEnds({ id, credential, keyId }: Version, now: number): Signal[] {
  return [
    resolve('key-orphaned', credential, now, id),
    ...(keyId === null ? [] : [resolve('foreign-mint', credential, now, keyId)]),
  ];
}
