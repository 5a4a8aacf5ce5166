import type { Change, Rotation, Version } from '../model/index.ts';
import { audit, type Folded, folded } from './folded.ts';
import { admit } from './request.ts';
import { isRolledBack } from './rolled-back.ts';
import type { Situation } from './situation.ts';

export type Compromise = Folded & {
  /** As it is now. */
  readonly version: Version;
  /** The emergency rotation that was asked for; null where none is needed, or possible. */
  readonly rotation: Rotation | null;
};

/**
 * A person says that a version of ours is known to others. The current one is replaced at once, unless its successor is
 * on its way; a key that is retiring already cannot be ended any sooner.
 */
export function compromise(
  situation: Situation,
  version: Version,
  request: { readonly reason: string | null; readonly actor: string; readonly rotationId: string },
  now: number,
): Compromise | { readonly refused: string } {
  const { state, keyId, number, credential } = version;
  const key = keyId ?? `version ${number}`;
  if (state !== 'current' && state !== 'retiring' && state !== 'compromised') {
    const advice = state === 'retired' ? 'it has ended' : `delete ${key} in the provider's console`;
    return { refused: `${credential}: ${key} is ${state}; ${advice}` };
  }
  const marked: Version = {
    ...version,
    compromisedAt: version.compromisedAt ?? now,
    state: state === 'current' ? 'current' : 'compromised',
  };
  const put: Change = { type: 'version.put', version: marked };
  const { open } = situation.snapshot;
  // The newer version of a rollback would come back.
  const awaited = open !== null && isRolledBack(open) && open.newVersionId === version.id;
  const rotation = state === 'current' || awaited ? replacement(situation, awaited, request, now) : null;
  const noted = audit(now, request.actor, 'version.compromised', credential, {
    keyId,
    number,
    reason: request.reason,
  });
  return {
    ...folded([put, ...(rotation === null ? [] : [{ type: 'rotation.put', rotation } as const]), noted]),
    version: marked,
    rotation,
  };
}

function replacement(
  situation: Situation,
  awaited: boolean,
  {
    reason,
    actor,
    rotationId,
  }: { readonly reason: string | null; readonly actor: string; readonly rotationId: string },
  now: number,
): Rotation | null {
  const { open } = situation.snapshot;
  // Going back to the newer version is replacement enough.
  if (open !== null && isRolledBack(open) && !awaited) return null;
  const onItsWay =
    open?.state === 'verifying' ||
    (open?.state === 'minting' && (open.answeredAt !== null || (open.intent?.sends ?? 0) > 0));
  if (onItsWay) return null;
  const wish = { emergency: true, reason: reason ?? 'known to others', actor, requestKey: null };
  const admission = admit(situation, wish, rotationId, now);
  return admission.admitted ? admission.rotation : null;
}
