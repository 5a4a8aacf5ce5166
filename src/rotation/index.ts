export { backoff } from './backoff.ts';
export { lateDestinations } from './deadlines.ts';
export { fold, intend } from './fold.ts';
export type { Folded } from './folded.ts';
export { giveUpUnsent } from './give-up.ts';
export { keyRejected } from './key-rejected.ts';
export { plan } from './plan.ts';
export { decidePublication, foldPublication } from './publication.ts';
export { admit, describe, type RotationPlan, type RotationRequest } from './request.ts';
export { nextRotationAt } from './schedule.ts';
export type {
  Action,
  Candidate,
  Outcome,
  Reading,
  Situation,
} from './situation.ts';
export { currentVersion, markOf, nextNumber, versionById } from './versions.ts';
