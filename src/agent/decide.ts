import { EdgeError, type Mark, type Secret } from '../model/index.ts';
import type { Found } from '../stores/contract.ts';
import { type DestinationRecord, type Held, isSame } from './held.ts';

/** What to do about a file that shall have a version. */
export type Decision =
  /** It has it, mark and all. */
  | { readonly do: 'nothing' }
  /**
   * `why`: what was wrong with a file that had this version before (`form`: its mode or owner, or the template it was
   * rendered from); null where it is new there.
   */
  | { readonly do: 'write'; readonly why: 'gone' | 'changed' | 'form' | null }
  /** It holds a newer version than ours: only the upstream's word, given after it was seen, takes that away. */
  | { readonly do: 'ask'; readonly newer: Mark };

/**
 * Decides from what stands there. The agent is the owner of its files: what a person changed is put back. Another
 * credential's or installation's file is left alone.
 *
 * @param confirmed whether the upstream has said that `held` is current since the newer version was first seen
 * @throws {EdgeError} `foreign_owner`
 */
export function decide(
  found: Found | null,
  held: Held,
  record: DestinationRecord,
  confirmed: boolean,
): Decision {
  const { mark, value } = held;
  const there = found?.mark ?? null;
  const hadIt = isSame(record.published, mark);
  if (there !== null && (there.installation !== mark.installation || there.credential !== mark.credential))
    throw foreign(there);
  const inForm = found?.rights == null && found?.outdated !== true;
  if (isThere(found?.value ?? null, value) && isSame(there, mark))
    return inForm ? { do: 'nothing' } : { do: 'write', why: 'form' };
  // What we put there ourselves, and were told since that it is no longer current, is nobody else's news.
  const ours = there !== null && isSame(record.published, there);
  if (there !== null && there.number > mark.number && !ours && !confirmed) return { do: 'ask', newer: there };
  return { do: 'write', why: hadIt ? (found?.value == null ? 'gone' : 'changed') : null };
}

function isThere(value: Secret | null, wanted: Secret): boolean {
  return value?.equals(wanted) === true;
}

/**
 * Where a file's hook stands once this version is in place: owed once for each version that arrives there. A value that
 * stood there before the agent came has not arrived: its readers have it. With `hooks` false what arrives owes none.
 */
export function hookOf(
  found: Found | null,
  { value, mark }: Held,
  record: DestinationRecord,
  hooks: boolean,
): DestinationRecord['hook'] {
  const known = isSame(record.published, mark) || isSame(record.hook?.mark, mark);
  if (known) return record.hook;
  const stoodThere = record.published === null && isThere(found?.value ?? null, value);
  return { mark, state: stoodThere || !hooks ? 'done' : 'owed' };
}

function foreign({ credential, installation }: Mark): EdgeError {
  return new EdgeError({
    code: 'foreign_owner',
    verdict: 'permanent',
    message: `it holds ${credential} of the installation ${installation}, which is left alone; choose another place, or remove what stands there`,
  });
}
