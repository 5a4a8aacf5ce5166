import type { Rotation } from '../model/index.ts';

/** A rotation that has not done anything yet. */
export function blankRotation(credential: string, id: string, now: number): Rotation {
  return {
    id,
    credential,
    trigger: 'scheduled',
    reason: null,
    actor: 'schedule',
    requestKey: null,
    state: 'minting',
    queued: false,
    terms: null,
    previousVersionId: null,
    newVersionId: null,
    signerVersionId: null,
    intent: null,
    mints: 0,
    rollback: null,
    preflightedAt: null,
    attempts: 0,
    retryAt: null,
    accepted: 0,
    mintedAt: null,
    answeredAt: null,
    overlapEndsAt: null,
    startedAt: now,
    endedAt: null,
    lastError: null,
  };
}
