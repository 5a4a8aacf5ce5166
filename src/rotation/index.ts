export { backoff } from './backoff.ts';
export { lateDestinations } from './deadlines.ts';
export { fold, intend } from './fold.ts';
export { plan } from './plan.ts';
export type { RotationPolicy } from './policy.ts';
export { decidePublication, foldPublication, type PublicationSituation } from './publication.ts';
export { type Admission, admit, describe, type RotationPlan, type RotationRequest } from './request.ts';
export { nextRotationAt } from './schedule.ts';
export type {
  Action,
  Candidate,
  Outcome,
  PolicyDestination,
  Reading,
  Situation,
  Taken,
} from './situation.ts';
export { currentVersion, markOf, nextNumber, versionById } from './versions.ts';
