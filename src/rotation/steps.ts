import type { Change, Failure, Rotation, RotationStep, StepName } from '../model/index.ts';

/** In the order in which people read them. */
const ORDER: readonly StepName[] = ['mint', 'verify', 'publish', 'overlap', 'retire'];

/** The steps of a rotation that has just begun: all pending, one `publish` for each destination. */
export function initialSteps(rotation: Rotation, destinations: readonly string[]): Change[] {
  return ORDER.flatMap((name) =>
    (name === 'publish' ? destinations : ['']).map(
      (id): Change => ({ type: 'step.put', step: blank(rotation.id, name, id) }),
    ),
  );
}

/** True for a destination that was configured when the open rotation, whose steps these are, began. */
export function beganWith(steps: readonly RotationStep[], id: string): boolean {
  return steps.some(({ name, destination }) => name === 'publish' && destination === id);
}

/** The change that moves one step on. `failed` counts an attempt; `done` and `skipped` end it. */
export function moveStep(
  steps: readonly RotationStep[],
  rotationId: string,
  name: StepName,
  state: RotationStep['state'],
  at: number,
  detail: { readonly destination?: string; readonly error?: Failure | null } = {},
): Change {
  const destination = detail.destination ?? '';
  const before =
    steps.find(
      (step) => step.rotationId === rotationId && step.name === name && step.destination === destination,
    ) ?? blank(rotationId, name, destination);
  const ended = state === 'done' || state === 'skipped';
  const step: RotationStep = {
    ...before,
    state,
    attempts: before.attempts + (state === 'failed' || state === 'done' ? 1 : 0),
    startedAt: before.startedAt ?? at,
    endedAt: ended ? at : null,
    error: detail.error ?? null,
  };
  return { type: 'step.put', step };
}

function blank(rotationId: string, name: StepName, destination: string): RotationStep {
  return {
    rotationId,
    name,
    destination,
    state: 'pending',
    attempts: 0,
    startedAt: null,
    endedAt: null,
    error: null,
  };
}
