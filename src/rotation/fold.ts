import type { Change, Rotation, Version } from '../model/index.ts';
import { account } from './account.ts';
import { blankRotation } from './blank-rotation.ts';
import { endEarly } from './end.ts';
import { exposureEnds, foldProbe } from './exposure.ts';
import { foldAdoption, install } from './fold-adoption.ts';
import { attend, close, settle } from './fold-end.ts';
import { foldMint } from './fold-mint.ts';
import { foldPreflight } from './fold-preflight.ts';
import { foldTake } from './fold-take.ts';
import { foldVerify, mintFurther } from './fold-verify.ts';
import { audit, type Folded, folded, type Ids, putRotation } from './folded.ts';
import { foldKeepAlive } from './guided.ts';
import { foldRecovery } from './recover.ts';
import { comeBack } from './rollback.ts';
import type { Action, Outcome, Situation } from './situation.ts';
import { initialSteps, moveStep } from './steps.ts';
import { termsOf } from './terms.ts';
import { giveUpMint } from './uncertain.ts';
import { currentVersion } from './versions.ts';

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
  if (action.do === 'recover' && outcome.of === 'recover')
    return foldRecovery(situation, outcome, now, newId);
  if (action.do === 'preflight' && outcome.of === 'preflight')
    return foldPreflight(situation, action.rotation, outcome.results, now);
  if (action.do === 'mint' && outcome.of === 'mint') return foldMint(situation, action, outcome, now);
  if (action.do === 'take' && outcome.of === 'take')
    return foldTake(situation, action.rotation, outcome, now, newId);
  if (action.do === 'verify' && outcome.of === 'verify') return foldVerify(situation, action, outcome, now);
  if (action.do === 'probe' && outcome.of === 'probe')
    return foldProbe(situation, action.version, outcome.test, now);
  if (action.do === 'keepAlive' && outcome.of === 'keepAlive')
    return foldKeepAlive(situation, action.version, outcome.test, now);
  return null;
}

/** The steps of our own. Null: the action is none. */
function foldStep(situation: Situation, action: Action, now: number, newId: Ids): Folded | null {
  switch (action.do) {
    case 'install':
      return install(situation, action.version, now);
    case 'retire':
      return retire(action.versions, now);
    case 'account':
      return account(situation, action.mints, now, newId);
    case 'begin':
      return begin(situation, action.queued, now, newId);
    case 'supersede':
      return supersede(situation, action.by, now);
    case 'comeback':
      return comeBack(situation, action.rotation, now);
    case 'remint':
      return mintFurther(action.rotation, action.version, now);
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
    ...(anew ? giveUpMint(situation, rotation, now) : []),
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

function retire(versions: readonly Version[], now: number): Folded {
  return folded(
    versions.map((version) => ({ type: 'version.put', version: { ...version, state: 'retired' } })),
    versions.flatMap((version) => exposureEnds(version, now)),
  );
}

function begin(situation: Situation, queued: Rotation | null, now: number, newId: Ids): Folded {
  const { snapshot, destinations, policy } = situation;
  const terms = termsOf(policy);
  const rotation: Rotation =
    queued === null
      ? { ...blankRotation(snapshot.record.name, newId(), now), trigger: triggerOf(situation), terms }
      : { ...queued, queued: false, startedAt: now, terms };
  return folded([
    putRotation(rotation),
    ...initialSteps(
      rotation,
      destinations.map(({ id }) => id),
    ),
    audit(now, rotation.actor, 'rotation.minting', rotation.credential, {
      rotation: rotation.id,
      trigger: rotation.trigger,
    }),
  ]);
}

/** A key that is known to others is not waited for. */
function triggerOf({ snapshot }: Situation): Rotation['trigger'] {
  return currentVersion(snapshot.versions)?.compromisedAt == null ? 'scheduled' : 'emergency';
}

function supersede(situation: Situation, by: Rotation | null, now: number): Folded {
  const { open } = situation.snapshot;
  if (open === null) throw new TypeError('there is no open rotation to supersede');
  const actor = by?.actor ?? 'schedule';
  return endEarly(situation, open, 'superseded', now, { actor, detail: { by: by?.id ?? null } });
}
