import type { Change, Rotation, Signal } from '../model/index.ts';
import { formatDuration, formatTime, SECOND } from '../model/index.ts';
import { exposureEnds } from './exposure.ts';
import { type Folded, folded } from './folded.ts';
import { missing } from './missing.ts';
import { raise, resolve } from './signals.ts';
import type { Situation } from './situation.ts';
import { moveStep } from './steps.ts';
import { stragglersEnd } from './stragglers.ts';
import { become } from './transitions.ts';
import { versionById } from './versions.ts';
import { waysOutText } from './ways-out.ts';

/** Every destination has the new version. */
export function settle(situation: Situation, rotation: Rotation, now: number): Folded {
  const { credential } = rotation;
  const version = versionById(situation.snapshot.versions, rotation.newVersionId);
  const took = Math.round((now - rotation.startedAt) / SECOND) * SECOND;
  const over = rotation.overlapEndsAt !== null && rotation.overlapEndsAt <= now;
  return folded(
    [
      ...become(rotation, 'overlap', { attempts: 0, retryAt: null, lastError: null }, now),
      moveStep(situation.steps, rotation.id, 'overlap', 'running', now),
    ],
    [
      resolve('rotation-failed', credential, now),
      resolve('rotation-attention', credential, now),
      raise('rotation-completed', credential, now, {
        severity: 'info',
        condition: rotation.id,
        transient: true,
        title: `${credential} rotated: every destination has ${version?.keyId ?? 'the new key'}`,
        summary: `The ${rotation.trigger} rotation took ${formatDuration(took)}. ${over ? 'The old key has ended.' : `${oldKeyId(situation, rotation) ?? 'The old key'} works${until(rotation)}.`}`,
        action: rotation.trigger === 'emergency' ? revokeAdvice(situation, rotation) : null,
        deadline: rotation.overlapEndsAt,
        evidence: {
          rotation: rotation.id,
          trigger: rotation.trigger,
          keyId: version?.keyId ?? null,
          previousKeyId: versionById(situation.snapshot.versions, rotation.previousVersionId)?.keyId ?? null,
          destinations: situation.destinations.length,
        },
      }),
    ],
  );
}

function revokeAdvice(situation: Situation, rotation: Rotation): string {
  const key = oldKeyId(situation, rotation) ?? 'the old key';
  return `Revoke ${key} in the provider's console: it works${until(rotation)}, and no API can end it sooner.`;
}

function oldKeyId({ snapshot }: Situation, { previousVersionId }: Rotation): string | null {
  return versionById(snapshot.versions, previousVersionId)?.keyId ?? null;
}

function until({ overlapEndsAt }: Rotation): string {
  return overlapEndsAt === null ? ' still' : ` until ${formatTime(overlapEndsAt)}`;
}

/** The overlap is over. */
export function close(situation: Situation, rotation: Rotation, now: number): Folded {
  const { credential } = rotation;
  return folded(
    [
      ...become(rotation, 'completed', { lastError: null }, now),
      moveStep(situation.steps, rotation.id, 'overlap', 'done', now),
      moveStep(situation.steps, rotation.id, 'retire', 'done', now),
      ...retirePrevious(situation, rotation),
    ],
    [
      resolve('rotation-attention', credential, now),
      resolve('rotation-failed', credential, now),
      ...ended(situation, rotation, now),
    ],
  );
}

/** The overlap is over and a destination still lacks the new version. */
export function attend(situation: Situation, rotation: Rotation, now: number): Folded {
  const without = missing(situation, rotation);
  return folded(
    [
      ...become(rotation, 'attention', {}, now),
      moveStep(situation.steps, rotation.id, 'overlap', 'done', now),
      moveStep(situation.steps, rotation.id, 'retire', 'done', now),
      ...retirePrevious(situation, rotation),
    ],
    [
      raise('rotation-attention', rotation.credential, now, {
        severity: 'critical',
        title: `${rotation.credential}: the old key has ended and ${without.length} of ${situation.destinations.length} destinations lack the new one`,
        summary: `Applications that read ${without.join(', ')} hold a key that the provider no longer accepts. Publishing goes on.`,
        action: `Make the destination writable; publishing then goes on by itself. To find the fault: \`keywarden check\`. ${waysOutText(situation, { ...rotation, state: 'attention' })}`,
        evidence: { rotation: rotation.id, destinations: without },
      }),
      ...ended(situation, rotation, now),
    ],
  );
}

function retirePrevious({ snapshot }: Situation, rotation: Rotation): Change[] {
  const previous = versionById(snapshot.versions, rotation.previousVersionId);
  if (previous?.state !== 'retiring' && previous?.state !== 'compromised') return [];
  return [{ type: 'version.put', version: { ...previous, state: 'retired' } }];
}

/** What was told of the old key ends with it. */
function ended(situation: Situation, rotation: Rotation, now: number): Signal[] {
  const previous = versionById(situation.snapshot.versions, rotation.previousVersionId);
  return [...stragglersEnd(situation, now), ...(previous === null ? [] : exposureEnds(previous, now))];
}
