import { fold, intend } from './fold.ts';
import {
  foldConsent,
  foldExchange,
  foldGrant,
  foldIntrospected,
  intendGrant,
  lapseAlerts,
  planGrant,
  scopeAlerts,
} from './grants/index.ts';
import { foldHook } from './hook.ts';
import { plan } from './plan.ts';
import { foldPublication } from './publication.ts';
import { standing } from './standing.ts';
import { decidePublication, decideVisit } from './visit.ts';

/** All that decides. The engine is handed it and does the rest. */
export const rules = {
  plan,
  intend,
  fold,
  standing,
  decidePublication,
  decideVisit,
  foldPublication,
  foldHook,
  planGrant,
  intendGrant,
  foldGrant,
  foldConsent,
  foldExchange,
  foldIntrospected,
  lapseAlerts,
  scopeAlerts,
};
export type Rules = typeof rules;

export { agentsOf, foldReport } from './agents.ts';
export { backoff } from './backoff.ts';
export { compromise } from './compromise.ts';
export { nextCheck } from './drift.ts';
export { endEarly } from './end.ts';
export type { Folded } from './folded.ts';
export type { PublicationOutcome } from './publication.ts';
export { heldForRecovery } from './recover.ts';
export {
  admit,
  describe,
  givesWay,
  isAnswered,
  type RotationPlan,
  type RotationRequest,
} from './request.ts';
export { rollBack } from './rollback.ts';
export { nextRotationAt } from './schedule.ts';
export type {
  Action,
  Candidate,
  HeldTest,
  Outcome,
  Reading,
  Situation,
} from './situation.ts';
export { applied } from './situation.ts';
export { strayedAnswer } from './strayed.ts';
export { currentVersion, markOf, nextNumber, versionById } from './versions.ts';
export { abandon, retireByHand, retry, type Way } from './ways.ts';
export { waysOut } from './ways-out.ts';
