import type {
  Change,
  CredentialRecord,
  MintIntent,
  Rotation,
  UncertainMint,
  Version,
} from '../model/index.ts';
import { DAY, MINUTE } from '../model/index.ts';
import type { Situation } from './situation.ts';
import { termsFor } from './terms.ts';
import { versionById } from './versions.ts';

/** A log's cursor lives seven days: what it shows later than that it shows to nobody. */
export const REMEMBERED = 8 * DAY;

/** How far our notion of the time of a mint may be from the provider's. */
export const SLACK = 5 * MINUTE;

/** The mint of ours, its outcome once unknown, that a key signed by that version at that time may have come of. */
export function uncertainAt(
  { uncertain }: CredentialRecord,
  signer: Version | null,
  at: number,
): UncertainMint | null {
  const ours = uncertain.find(
    ({ signerVersionId, from, until }) =>
      signerVersionId === signer?.id && at >= from - SLACK && at <= until + SLACK,
  );
  return ours ?? null;
}

/** The record, knowing that until now requests of this rotation may have minted keys that never reached us. */
export function withUncertain(
  record: CredentialRecord,
  rotation: Rotation,
  intent: MintIntent,
  now: number,
): CredentialRecord {
  const mint: UncertainMint = {
    rotationId: rotation.id,
    signerVersionId: intent.signerVersionId,
    from: intent.committedAt,
    until: now,
  };
  return {
    ...record,
    uncertain: [...record.uncertain.filter(({ until }) => until > now - REMEMBERED), mint],
  };
}

/**
 * What becomes of a mint that is given up unanswered: it is remembered, and its signer is taken to have an end, so that
 * a successor is due, window or not. Nothing where nothing was sent.
 */
export function giveUpMint(
  { snapshot, policy }: Pick<Situation, 'policy' | 'snapshot'>,
  rotation: Rotation,
  now: number,
): Change[] {
  const { intent } = rotation;
  if (intent === null || intent.sends === 0 || rotation.newVersionId !== null) return [];
  const signer = versionById(snapshot.versions, intent.signerVersionId);
  return [
    { type: 'credential.put', record: withUncertain(snapshot.record, rotation, intent, now) },
    ...presumeEnd(signer, intent.committedAt + termsFor(policy, rotation).overlap),
  ];
}

/** A key that was, or may have been, rotated at the provider ends then; one whose end is known keeps it. */
export function presumeEnd(signer: Version | null, expiresAt: number): Change[] {
  const valid = signer !== null && ['current', 'retiring', 'compromised', 'orphaned'].includes(signer.state);
  if (!valid || signer.expiresAt !== null) return [];
  return [{ type: 'version.put', version: { ...signer, expiresAt } }];
}

/** What is left of the signing key, ms, where the first request of this mint had its effect. */
export function leftOfSigner(
  { snapshot, policy }: Pick<Situation, 'policy' | 'snapshot'>,
  rotation: Rotation,
  now: number,
): number {
  const { intent } = rotation;
  const { overlap } = termsFor(policy, rotation);
  const signer = versionById(snapshot.versions, intent?.signerVersionId ?? null);
  return (signer?.expiresAt ?? (intent?.committedAt ?? now) + overlap) - now;
}
