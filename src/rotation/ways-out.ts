import type { CredentialSnapshot, Rotation } from '../model/index.ts';
import { isRolledBack } from './rolled-back.ts';
import { versionById } from './versions.ts';

/**
 * The commands that fit where a rotation stands; empty where it needs nobody.
 *
 * @example waysOut({ snapshot }) // ['keywarden rotation 0b2c… retry', 'keywarden rotation 0b2c… abandon']
 */
export function waysOut({ snapshot }: { readonly snapshot: CredentialSnapshot }): readonly string[] {
  return snapshot.open === null ? [] : waysFor(snapshot, snapshot.open);
}

/** The same as the end of an alert's action. */
export function waysOutText(
  { snapshot }: { readonly snapshot: CredentialSnapshot },
  rotation: Rotation,
): string {
  const ways = waysFor(snapshot, rotation);
  return ways.length === 0 ? '' : `What fits now: ${ways.map((way) => `\`${way}\``).join(' · ')}`;
}

function waysFor({ versions }: CredentialSnapshot, rotation: Rotation): readonly string[] {
  const { id, credential, newVersionId, state } = rotation;
  const retry = `keywarden rotation ${id} retry`;
  const abandon = `keywarden rotation ${id} abandon`;
  const adopt = `keywarden adopt ${credential} < file-with-the-key`;
  if (newVersionId === null) return state === 'attention' ? [retry, abandon, adopt] : [abandon];
  if (versionById(versions, newVersionId)?.state === 'pending') {
    return [retry, abandon];
  }
  if (state === 'attention') return [retry, abandon];
  const previous = versionById(versions, rotation.previousVersionId);
  return previous?.state === 'retiring' && !isRolledBack(rotation)
    ? [`keywarden rollback ${credential}`]
    : [];
}
