import type { ObservedMint, Rotation, Version } from '../model/index.ts';
import { formatTime, SECOND } from '../model/index.ts';
import { audit, type Folded, folded, type Ids } from './folded.ts';
import { identifiedOrphan, lostVersion, orphanedKey } from './orphans.ts';
import { raise } from './signals.ts';
import { applied, type Situation } from './situation.ts';
import { termsFor } from './terms.ts';
import { presumeEnd, REMEMBERED, SLACK, uncertainAt } from './uncertain.ts';
import { nextNumber } from './versions.ts';

/** A log entry and the answer of the same mint bear times no further apart than this. */
const SAME_MINT = 2 * SECOND;

/**
 * The rotations in the log that can be judged now. One that may still turn out to be the mint that is under way waits:
 * its answer, repeated, may bring that very key. Two of them prove that the provider forgets: each is a key of its own.
 */
export function accountable({ snapshot }: Situation, now: number): readonly ObservedMint[] {
  const { versions, open } = snapshot;
  // A key that is not known yet may be adopted: then its rotation tells that it ends.
  const mints = snapshot.mints.filter(
    ({ signerKeyId, at }) => at < now - REMEMBERED || versions.some(({ keyId }) => keyId === signerKeyId),
  );
  const waiting = mints.filter((mint) => {
    if (versions.some(({ keyId }) => keyId === mint.mintedKeyId)) return false;
    return isUnderWay(mint, open, versions);
  });
  return waiting.length > 1 ? mints : mints.filter((mint) => !waiting.includes(mint));
}

function isUnderWay(mint: ObservedMint, open: Rotation | null, versions: readonly Version[]): boolean {
  const signer = versions.find(({ keyId }) => keyId === mint.signerKeyId);
  return open !== null && signer !== undefined && mayBe(mint, open, signer);
}

function mayBe({ at }: ObservedMint, { intent, newVersionId }: Rotation, signer: Version): boolean {
  if (intent === null || newVersionId !== null || intent.sends === 0) return false;
  return intent.signerVersionId === signer.id && at >= intent.committedAt - SLACK;
}

/** Explains each of them: a version of ours, a key of ours that was lost, or somebody else's. */
export function account(
  situation: Situation,
  mints: readonly ObservedMint[],
  now: number,
  newId: Ids,
): Folded {
  let seen = situation;
  const parts = mints.map((mint) => {
    const part = explain(seen, mint, now, newId);
    seen = applied(seen, part.changes);
    return part;
  });
  return folded(
    parts.flatMap(({ changes }) => changes),
    parts.flatMap(({ signals }) => signals),
  );
}

function explain(situation: Situation, mint: ObservedMint, now: number, newId: Ids): Folded {
  const { versions, record } = situation.snapshot;
  const settled = { type: 'mint.settle', id: mint.id } as const;
  if (versions.some(({ keyId }) => keyId === mint.mintedKeyId)) return folded([settled]);
  const signer = versions.find(({ keyId }) => keyId === mint.signerKeyId);
  if (signer === undefined) return folded([settled]);
  const { open } = situation.snapshot;
  const underWay = open !== null && isUnderWay(mint, open, versions) ? open : null;
  const { overlap } = underWay === null ? situation.policy : termsFor(situation.policy, underWay);
  const ends = presumeEnd(signer, mint.at + overlap);
  const nameless = versions.find(
    ({ state, keyId, createdAt }) =>
      state === 'orphaned' && keyId === null && Math.abs(createdAt - mint.at) <= SAME_MINT,
  );
  if (nameless !== undefined) {
    const part = identifiedOrphan(nameless, mint.mintedKeyId, mint.signerKeyId, now);
    return folded([settled, ...part.changes], part.signals);
  }
  const rotationId = underWay?.id ?? uncertainAt(record, signer, mint.at)?.rotationId;
  if (rotationId === undefined) return foreign(situation, mint, [settled, ...ends], now, newId);
  const orphan = orphanedKey(
    {
      credential: record.name,
      rotationId,
      number: nextNumber(versions),
      signedBy: mint.signerKeyId,
      keyId: mint.mintedKeyId,
      mintedAt: mint.at,
      signerEndsAt: signer.expiresAt ?? mint.at + overlap,
      keyInUse: null,
    },
    now,
    newId,
  );
  return folded([settled, ...ends, ...orphan.changes], orphan.signals);
}

function foreign(
  { snapshot }: Situation,
  mint: ObservedMint,
  changes: Folded['changes'],
  now: number,
  newId: Ids,
): Folded {
  const { name } = snapshot.record;
  const number = nextNumber(snapshot.versions);
  const version = lostVersion(name, { id: newId(), number, keyId: mint.mintedKeyId, createdAt: mint.at });
  const current = snapshot.versions.some(
    ({ keyId, state }) => keyId === mint.signerKeyId && state === 'current',
  );
  return folded(
    [
      ...changes,
      { type: 'version.put', version },
      audit(now, 'daemon', 'mint.foreign', name, { keyId: mint.mintedKeyId, signedBy: mint.signerKeyId }),
    ],
    [
      raise('foreign-mint', name, now, {
        severity: 'critical',
        condition: mint.mintedKeyId,
        title: `${name}: somebody else rotated ${mint.signerKeyId} and holds ${mint.mintedKeyId}`,
        summary:
          `The provider's log shows a rotation at ${formatTime(mint.at)} from ${mint.ip} that Keywarden did not ask for.` +
          (current ? ' The current key ends with it: its successor is being minted now.' : ''),
        action: `Find out who it was. If it was no colleague: revoke ${mint.mintedKeyId} in the provider's console, then: \`keywarden retire ${name} ${number}\`, then: \`keywarden compromise ${name}\``,
        evidence: {
          ips: [mint.ip],
          keyId: mint.mintedKeyId,
          signedBy: mint.signerKeyId,
          mintedAt: formatTime(mint.at),
          userAgent: mint.userAgent,
        },
      }),
    ],
  );
}
