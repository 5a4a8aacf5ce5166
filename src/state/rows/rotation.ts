import type { MintIntent, Rotation, RotationStep, RotationTerms } from '../../model/index.ts';
import { OPEN_STATES } from '../../model/index.ts';
import type { RotationTable, Slot, StepTable } from '../tables.ts';
import { failureFrom, jsonFrom, jsonText } from './json.ts';

function slotOf(rotation: Rotation): Slot | null {
  if (!OPEN_STATES.includes(rotation.state)) return null;
  return rotation.queued ? 'queued' : 'open';
}

export function rotationRow(rotation: Rotation): RotationTable {
  return {
    id: rotation.id,
    credential: rotation.credential,
    trigger_kind: rotation.trigger,
    reason: rotation.reason,
    actor: rotation.actor,
    request_key: rotation.requestKey,
    state: rotation.state,
    queued: rotation.queued ? 1 : 0,
    slot: slotOf(rotation),
    terms: jsonText(rotation.terms),
    previous_version_id: rotation.previousVersionId,
    new_version_id: rotation.newVersionId,
    signer_version_id: rotation.signerVersionId,
    intent: jsonText(rotation.intent),
    mints: rotation.mints,
    rollback: jsonText(rotation.rollback),
    preflighted_at: rotation.preflightedAt,
    attempts: rotation.attempts,
    retry_at: rotation.retryAt,
    accepted: rotation.accepted,
    minted_at: rotation.mintedAt,
    answered_at: rotation.answeredAt,
    overlap_ends_at: rotation.overlapEndsAt,
    started_at: rotation.startedAt,
    ended_at: rotation.endedAt,
    last_error: jsonText(rotation.lastError),
  };
}

export function rotationFrom(row: RotationTable): Rotation {
  return {
    id: row.id,
    credential: row.credential,
    trigger: row.trigger_kind,
    reason: row.reason,
    actor: row.actor,
    requestKey: row.request_key,
    state: row.state,
    queued: row.queued === 1,
    terms: jsonFrom<RotationTerms>(row.terms, `the terms of rotation ${row.id}`),
    previousVersionId: row.previous_version_id,
    newVersionId: row.new_version_id,
    signerVersionId: row.signer_version_id,
    intent: jsonFrom<MintIntent>(row.intent, `the intent of rotation ${row.id}`),
    mints: row.mints,
    rollback: jsonFrom<NonNullable<Rotation['rollback']>>(row.rollback, `the rollback of rotation ${row.id}`),
    preflightedAt: row.preflighted_at,
    attempts: row.attempts,
    retryAt: row.retry_at,
    accepted: row.accepted,
    mintedAt: row.minted_at,
    answeredAt: row.answered_at,
    overlapEndsAt: row.overlap_ends_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    lastError: failureFrom(row.last_error, `the last error of rotation ${row.id}`),
  };
}

export function stepRow(step: RotationStep): StepTable {
  return {
    rotation_id: step.rotationId,
    name: step.name,
    destination: step.destination,
    state: step.state,
    attempts: step.attempts,
    started_at: step.startedAt,
    ended_at: step.endedAt,
    error: jsonText(step.error),
  };
}

export function stepFrom(row: StepTable): RotationStep {
  return {
    rotationId: row.rotation_id,
    name: row.name,
    destination: row.destination,
    state: row.state,
    attempts: row.attempts,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    error: failureFrom(row.error, `the error of step ${row.name} of rotation ${row.rotation_id}`),
  };
}
