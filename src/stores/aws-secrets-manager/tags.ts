import type { Tag } from '@aws-sdk/client-secrets-manager';
import { formatTime, type Mark } from '../../model/index.ts';

/*
 * The mark of a whole SecretString, which has no room beside the value: tags of the secret. They belong to the
 * secret and not to a version, so `keywarden:stored-as` names the version (its VersionId) they speak of;
 * once somebody else has written, they speak of nothing.
 */

const PREFIX = 'keywarden:';

/** Seven tags; AWS takes 50, and letters, digits, spaces and `_.:/=+-@` in them. */
export function tagsOf(mark: Mark, storedAs: string): Tag[] {
  const notes = {
    installation: mark.installation,
    credential: mark.credential,
    version: String(mark.number),
    'version-id': mark.versionId,
    'key-id': mark.keyId ?? '',
    'created-at': formatTime(mark.createdAt),
    'stored-as': storedAs,
  };
  return Object.entries(notes).map(([name, Value]) => ({ Key: `${PREFIX}${name}`, Value }));
}

/** The mark of version `storedAs`, or null where the tags are not about it. */
export function markIn(tags: readonly Tag[], storedAs: string): Mark | null {
  const notes = new Map(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
  const note = (name: string) => notes.get(`${PREFIX}${name}`) ?? '';
  if (note('stored-as') !== storedAs) return null;
  const number = Number(note('version'));
  const createdAt = Date.parse(note('created-at'));
  const [installation, credential, versionId] = [
    note('installation'),
    note('credential'),
    note('version-id'),
  ];
  if (!Number.isSafeInteger(number) || Number.isNaN(createdAt)) return null;
  if (installation === '' || credential === '' || versionId === '') return null;
  return { installation, credential, number, versionId, keyId: note('key-id') || null, createdAt };
}
