import type { AuditEntry, Change, Rotation, RotationState } from '../model/index.ts';
import { audit, putRotation } from './folded.ts';

/** From each state, where a rotation may go. What is not listed is a defect. */
export const TRANSITIONS: Readonly<Record<RotationState, readonly RotationState[]>> = {
  minting: ['verifying', 'failed', 'attention', 'abandoned', 'superseded'],
  verifying: ['publishing', 'attention', 'abandoned'],
  publishing: ['overlap', 'attention', 'abandoned', 'superseded'],
  overlap: ['completed', 'attention', 'abandoned', 'superseded'],
  attention: [
    'minting',
    'verifying',
    'publishing',
    'overlap',
    'completed',
    'failed',
    'abandoned',
    'superseded',
  ],
  completed: [],
  failed: [],
  abandoned: [],
  superseded: [],
};

/** States in which a rotation ends for good. */
const ENDS: readonly RotationState[] = ['completed', 'failed', 'abandoned', 'superseded'];

/**
 * Moves a rotation into `state`, with one audit entry `rotation.<state>`; without one where it is there already.
 * @throws {TypeError} for a transition that is not listed
 */
export function become(
  rotation: Rotation,
  state: RotationState,
  fields: Partial<Rotation>,
  now: number,
  by: { readonly actor?: string; readonly detail?: AuditEntry['detail'] } = {},
): Change[] {
  const next: Rotation = {
    ...rotation,
    ...fields,
    state,
    ...(ENDS.includes(state) ? { endedAt: now } : {}),
  };
  if (state === rotation.state) return [putRotation(next)];
  if (!TRANSITIONS[rotation.state].includes(state))
    throw new TypeError(`rotation ${rotation.id} may not go from ${rotation.state} to ${state}`);
  const { actor = rotation.actor, detail = {} } = by;
  return [
    putRotation(next),
    audit(now, actor, `rotation.${state}`, rotation.credential, { rotation: rotation.id, ...detail }),
  ];
}
