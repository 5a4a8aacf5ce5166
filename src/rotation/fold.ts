import type { Change, MintIntent, Rotation, Version } from '../model/index.ts';
import { OPEN_STATES } from '../model/index.ts';
import { blankRotation } from './blank-rotation.ts';
import { foldAdoption, install } from './fold-adoption.ts';
import { foldMint, foldPreflight, foldTake } from './fold-mint.ts';
import { foldVerify } from './fold-verify.ts';
import { audit, type Folded, folded, type Ids, putRotation } from './folded.ts';
import { missing } from './missing.ts';
import { raise, resolve } from './signals.ts';
import type { Action, Outcome, Situation } from './situation.ts';
import { initialSteps, moveStep } from './steps.ts';
import { versionById } from './versions.ts';

/**
 * What the outcome of `action` makes of the state. Total: a pair of action and outcome that is not listed is a defect.
 * @throws {TypeError} for such a pair
 */
export function fold(
  situation: Situation,
  action: Action,
  outcome: Outcome,
  now: number,
  newId: Ids,
): Folded {
  const result =
    outcome.of === 'step'
      ? foldStep(situation, action, now, newId)
      : foldEffect(situation, action, outcome, now, newId);
  if (result === null)
    throw new TypeError(`the outcome ${outcome.of} does not belong to the action ${action.do}`);
  return result;
}

/** What came from outside. Null: the pair does not belong together. */
function foldEffect(
  situation: Situation,
  action: Action,
  outcome: Outcome,
  now: number,
  newId: Ids,
): Folded | null {
  if (action.do === 'adopt' && outcome.of === 'adopt') return foldAdoption(situation, outcome, now, newId);
  if (action.do === 'preflight' && outcome.of === 'preflight')
    return foldPreflight(situation, action.rotation, outcome.results, now);
  if (action.do === 'mint' && outcome.of === 'mint') return foldMint(situation, action, outcome, now);
  if (action.do === 'take' && outcome.of === 'take')
    return foldTake(situation, action.rotation, outcome, now, newId);
  if (action.do === 'verify' && outcome.of === 'verify') return foldVerify(situation, action, outcome, now);
  return null;
}

/** The steps of our own. Null: the action is none. */
function foldStep(situation: Situation, action: Action, now: number, newId: Ids): Folded | null {
  switch (action.do) {
    case 'install':
      return install(situation, action.version, now);
    case 'retire':
      return retire(action.versions);
    case 'begin':
      return begin(situation, action.queued, now, newId);
    case 'supersede':
      return supersede(situation, action.by, now);
    case 'settle':
      return settle(situation, action.rotation, now);
    case 'close':
      return close(situation, action.rotation, now);
    case 'attend':
      return attend(situation, action.rotation, now);
    default:
      return null;
  }
}

/** What must be committed before `action` is performed: the intent of a mint, the start of a step. */
export function intend(situation: Situation, action: Action, now: number): readonly Change[] {
  if (action.do !== 'mint') return [];
  const { rotation, intent } = action;
  const anew = rotation.intent !== null && rotation.intent.idempotencyKey !== intent.idempotencyKey;
  return [
    ...(anew ? presumeEnd(situation, rotation.intent) : []),
    putRotation({ ...rotation, intent }),
    moveStep(situation.steps, rotation.id, 'mint', 'running', now),
    audit(now, rotation.actor, 'mint.intended', rotation.credential, {
      rotation: rotation.id,
      repeat: intent.sends > 1,
      // An earlier request of this rotation was never answered and is too old to be repeated under its key.
      anew,
    }),
  ];
}

/** A mint that is given up unanswered may have begun its signer's end: a successor is then due, window or not. */
function presumeEnd({ snapshot, policy }: Situation, intent: MintIntent | null): Change[] {
  const signer = versionById(snapshot.versions, intent?.signerVersionId ?? null);
  if (intent === null || intent.sends === 0 || signer?.state !== 'current' || signer.expiresAt !== null)
    return [];
  return [{ type: 'version.put', version: { ...signer, expiresAt: intent.committedAt + policy.overlap } }];
}

function retire(versions: readonly Version[]): Folded {
  return folded(
    versions.map((version) => ({ type: 'version.put', version: { ...version, state: 'retired' } })),
  );
}

function begin(situation: Situation, queued: Rotation | null, now: number, newId: Ids): Folded {
  const { snapshot, destinations } = situation;
  const rotation: Rotation =
    queued === null
      ? blankRotation(snapshot.record.name, newId(), now)
      : { ...queued, queued: false, startedAt: now };
  return folded([
    putRotation(rotation),
    ...initialSteps(
      rotation,
      destinations.map(({ id }) => id),
    ),
    audit(now, rotation.actor, 'rotation.begun', rotation.credential, {
      rotation: rotation.id,
      trigger: rotation.trigger,
    }),
  ]);
}

function supersede(situation: Situation, by: Rotation | null, now: number): Folded {
  const { open, versions } = situation.snapshot;
  if (open === null || !OPEN_STATES.includes(open.state))
    throw new TypeError('there is no open rotation to supersede');
  const minted = versionById(versions, open.newVersionId);
  const unused = minted?.state === 'pending' ? minted : null;
  return folded(
    [
      putRotation({ ...open, state: 'superseded', endedAt: now }),
      ...(minted === null ? presumeEnd(situation, open.intent) : []),
      ...(unused === null ? [] : [{ type: 'version.put', version: { ...unused, state: 'unused' } } as const]),
      ...skipOpenSteps(situation, open, now),
      audit(now, by?.actor ?? 'schedule', 'rotation.superseded', open.credential, {
        rotation: open.id,
        by: by?.id ?? null,
        unusedKeyId: unused?.keyId ?? null,
      }),
    ],
    [resolve('rotation-attention', open.credential, now)],
  );
}

function settle(situation: Situation, rotation: Rotation, now: number): Folded {
  const { credential } = rotation;
  const version = versionById(situation.snapshot.versions, rotation.newVersionId);
  const took = now - rotation.startedAt;
  const over = rotation.overlapEndsAt !== null && rotation.overlapEndsAt <= now;
  return folded(
    [
      putRotation({ ...rotation, state: 'overlap', attempts: 0, retryAt: null, lastError: null }),
      moveStep(situation.steps, rotation.id, 'overlap', 'running', now),
      audit(now, rotation.actor, 'rotation.published', credential, { rotation: rotation.id }),
    ],
    [
      resolve('rotation-failed', credential, now),
      resolve('rotation-attention', credential, now),
      raise('rotation-completed', credential, now, {
        severity: 'info',
        condition: rotation.id,
        transient: true,
        title: `${credential} rotated: every destination has ${version?.keyId ?? 'the new key'}`,
        summary: `The ${rotation.trigger} rotation took ${Math.round(took / 1000)} s. ${over ? 'The old key has ended.' : 'The old key works until the overlap ends.'}`,
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
  const previous = versionById(situation.snapshot.versions, rotation.previousVersionId);
  return `Revoke the old key ${previous?.keyId ?? ''} in the provider's console: it works until the overlap ends, and no API can end it sooner.`;
}

function close(situation: Situation, rotation: Rotation, now: number): Folded {
  const { credential } = rotation;
  return folded(
    [
      putRotation({ ...rotation, state: 'completed', endedAt: now, lastError: null }),
      moveStep(situation.steps, rotation.id, 'overlap', 'done', now),
      moveStep(situation.steps, rotation.id, 'retire', 'done', now),
      ...retirePrevious(situation, rotation),
      audit(now, rotation.actor, 'rotation.completed', credential, { rotation: rotation.id }),
    ],
    [resolve('rotation-attention', credential, now), resolve('rotation-failed', credential, now)],
  );
}

function attend(situation: Situation, rotation: Rotation, now: number): Folded {
  const without = missing(situation, rotation);
  return folded(
    [
      putRotation({ ...rotation, state: 'attention' }),
      moveStep(situation.steps, rotation.id, 'overlap', 'done', now),
      moveStep(situation.steps, rotation.id, 'retire', 'done', now),
      ...retirePrevious(situation, rotation),
      audit(now, rotation.actor, 'rotation.attention', rotation.credential, { rotation: rotation.id }),
    ],
    [
      raise('rotation-attention', rotation.credential, now, {
        severity: 'critical',
        title: `${rotation.credential}: the old key has ended and ${without.length} of ${situation.destinations.length} destinations lack the new one`,
        summary: `Applications that read ${without.join(', ')} hold a key that the provider no longer accepts. Publishing goes on.`,
        action:
          'Make the destination writable; publishing then goes on by itself. To find the fault: keywarden check',
        evidence: { rotation: rotation.id, destinations: without },
      }),
    ],
  );
}

function retirePrevious({ snapshot }: Situation, rotation: Rotation): Change[] {
  const previous = versionById(snapshot.versions, rotation.previousVersionId);
  if (previous?.state !== 'retiring') return [];
  return [{ type: 'version.put', version: { ...previous, state: 'retired' } }];
}

function skipOpenSteps(situation: Situation, rotation: Rotation, now: number): Change[] {
  return situation.steps
    .filter((step) => step.state !== 'done' && step.state !== 'skipped')
    .map((step) =>
      moveStep(situation.steps, rotation.id, step.name, 'skipped', now, { destination: step.destination }),
    );
}
