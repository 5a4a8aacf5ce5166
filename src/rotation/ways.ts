import type { Change, Rotation, Version } from '../model/index.ts';
import { endEarly } from './end.ts';
import { exposureEnds } from './exposure.ts';
import { publishEverywhere } from './fold-verify.ts';
import { audit, type Folded, folded } from './folded.ts';
import { lostKeyEnds } from './orphans.ts';
import { isAnswered } from './request.ts';
import type { Situation } from './situation.ts';
import { become } from './transitions.ts';
import { versionById } from './versions.ts';

/** What a person's command makes of the state, or why it is not possible now. */
export type Way = Folded | { readonly refused: string };

/** Tries the rotation's step again at once; a failed one begins again at once. */
export function retry(situation: Situation, rotation: Rotation, actor: string, now: number): Way {
  const { record, open, versions } = situation.snapshot;
  const asked = audit(now, actor, 'rotation.retried', record.name, { rotation: rotation.id });
  if (open?.id !== rotation.id) {
    if (rotation.state !== 'failed' || open !== null || record.attempts === 0)
      return {
        refused: `rotation ${rotation.id} has ended ${rotation.state}; ask for a new one: \`keywarden rotate ${record.name}\``,
      };
    return folded([asked, { type: 'credential.put', record: { ...record, retryAt: now } }]);
  }
  const afresh = { attempts: 0, retryAt: null };
  const pending = versionById(versions, open.newVersionId)?.state === 'pending';
  if (open.newVersionId === null) {
    const changes = become(open, 'minting', { ...afresh, preflightedAt: null }, now, { actor });
    return folded([asked, ...changes, ...lookSoon(situation)]);
  }
  // The patience with a fresh key begins anew.
  if (pending)
    return folded([asked, ...become(open, 'verifying', { ...afresh, answeredAt: now }, now, { actor })]);
  return folded([asked, ...become(open, open.state, afresh, now), ...publishEverywhere(situation, now)]);
}

/** A current key that is refused is looked into at once too. */
function lookSoon({ snapshot }: Situation): Change[] {
  const { record } = snapshot;
  return record.state === 'managed' ? [] : [{ type: 'credential.put', record: { ...record, retryAt: null } }];
}

/** Ends the rotation where that leaves nothing undone that only it would do. */
export function abandon(situation: Situation, rotation: Rotation, actor: string, now: number): Way {
  const { open } = situation.snapshot;
  if (open?.id !== rotation.id)
    return { refused: `rotation ${rotation.id} has ended ${rotation.state} already` };
  if (open.state === 'publishing' || open.state === 'overlap') {
    return {
      refused: `rotation ${open.id} has published its key and ends by itself; to go back to the previous one: \`keywarden rollback ${open.credential}\``,
    };
  }
  if (isAnswered(open))
    return { refused: `rotation ${open.id} has a new key and is about to take it; look again in a moment` };
  return endEarly(situation, open, 'abandoned', now, { actor });
}

/** A person has revoked the key of this version at the provider. */
export function retireByHand(version: Version, actor: string, now: number): Way {
  const { credential, number, keyId, state } = version;
  if (state === 'current' || state === 'pending') {
    return {
      refused: `${credential}: version ${number} is ${state}; bring its successor first: \`keywarden import ${credential} < file-with-the-key\``,
    };
  }
  return folded(
    [
      { type: 'version.put', version: { ...version, state: 'retired' } },
      audit(now, actor, 'version.retired', credential, { keyId, number }),
    ],
    [...exposureEnds(version, now), ...lostKeyEnds(version, now)],
  );
}
