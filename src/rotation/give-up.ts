import { audit, type Folded, folded, putRotation } from './folded.ts';
import { givesWay } from './request.ts';
import { resolve } from './signals.ts';
import type { Situation } from './situation.ts';
import { moveStep } from './steps.ts';

/**
 * Ends the open rotation where nothing was sent for it yet, so that a person can say which key is the current one: it
 * may wait just for that (a destination holds a newer version than a restored state knows). Null where it has gone
 * further, or none is open.
 */
export function giveUpUnsent({ snapshot, steps }: Situation, actor: string, now: number): Folded | null {
  const { open } = snapshot;
  if (open === null || open.state !== 'minting' || !givesWay(open)) return null;
  return folded(
    [
      putRotation({ ...open, state: 'abandoned', endedAt: now }),
      ...steps
        .filter(({ state }) => state !== 'done' && state !== 'skipped')
        .map(({ name, destination }) => moveStep(steps, open.id, name, 'skipped', now, { destination })),
      audit(now, actor, 'rotation.abandoned', open.credential, { rotation: open.id }),
    ],
    [resolve('store-unreachable', open.credential, now, 'preflight')],
  );
}
