import type { Change, Failure, Rotation, RotationState, Version } from '../model/index.ts';
import { type Folded, folded } from './folded.ts';
import { isRolledBack } from './rolled-back.ts';
import { raise, resolve } from './signals.ts';
import { applied, type Situation } from './situation.ts';
import { moveStep } from './steps.ts';
import { stragglersEnd } from './stragglers.ts';
import { become } from './transitions.ts';
import { giveUpMint } from './uncertain.ts';
import { versionById } from './versions.ts';

/**
 * Ends a rotation before its time, wherever it stands: an unanswered mint is given up, a key that was never accepted
 * is `unused` and told, what was published stays, and its alerts end with it.
 */
export function endEarly(
  situation: Pick<Situation, 'policy' | 'snapshot' | 'steps'>,
  rotation: Rotation,
  state: Extract<RotationState, 'abandoned' | 'superseded' | 'failed'>,
  now: number,
  by: { readonly actor: string; readonly detail?: Readonly<Record<string, string | null>> },
): Folded {
  const minted = versionById(situation.snapshot.versions, rotation.newVersionId);
  const away = isRolledBack(rotation) && minted?.state === 'retiring';
  const left = minted?.state === 'pending' || away ? minted : null;
  const unused = left === null ? folded([]) : unusedVersion(left, rotation, now);
  return folded(
    [
      ...become(rotation, state, {}, now, {
        ...by,
        detail: { ...by.detail, unusedKeyId: left?.keyId ?? null },
      }),
      ...giveUpMint(situation, rotation, now),
      ...unused.changes,
      ...skipOpenSteps(situation, rotation, now),
    ],
    [
      resolve('rotation-attention', rotation.credential, now),
      resolve('rotation-failed', rotation.credential, now),
      resolve('store-unreachable', rotation.credential, now, 'preflight'),
      resolve('rollback-ends', rotation.credential, now),
      ...stragglersEnd(situation, now),
      ...unused.signals,
    ],
  );
}

/** The open rotation, if there is one, has nothing to bring any more: another key is the current one. */
export function endOpen(situation: Situation, now: number): { ended: Folded; after: Situation } {
  const { open } = situation.snapshot;
  const ended = open === null ? folded([]) : endEarly(situation, open, 'abandoned', now, { actor: 'daemon' });
  return { ended, after: applied(situation, ended.changes) };
}

/** A key that we hold and that nothing will be published of: only a person can delete it at the provider. */
export function unusedVersion(version: Version, rotation: Rotation, now: number): Folded {
  const keyId = version.keyId ?? 'the new key';
  return folded(
    [{ type: 'version.put', version: { ...version, state: 'unused' } }],
    [
      raise('rotation-failed', rotation.credential, now, {
        severity: 'warning',
        condition: `unused ${version.id}`,
        transient: true,
        title: `${rotation.credential}: ${keyId} was minted and is not used`,
        summary:
          version.state === 'pending'
            ? 'It was never accepted and published nowhere. It may start to work later: a live key that nobody needs.'
            : 'Somebody went back to the key before it, and it does not come back: a live key that nobody needs.',
        action: `Delete ${keyId} in the provider's console.`,
        evidence: { rotation: rotation.id, keyId: version.keyId },
      }),
    ],
  );
}

function skipOpenSteps(situation: Pick<Situation, 'steps'>, rotation: Rotation, now: number): Change[] {
  return situation.steps
    .filter(({ state }) => state !== 'done' && state !== 'skipped')
    .map(({ name, destination }) =>
      moveStep(situation.steps, rotation.id, name, 'skipped', now, { destination }),
    );
}

/** What became of the mint step of a rotation that minted nothing. */
export function mintFailed(situation: Situation, rotation: Rotation, error: Failure, now: number): Change {
  return moveStep(situation.steps, rotation.id, 'mint', 'failed', now, { error });
}
