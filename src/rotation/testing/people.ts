import { formatTime } from '../../model/index.ts';
import { compromise } from '../compromise.ts';
import { rollBack } from '../rollback.ts';
import { abandon, retireByHand, retry } from '../ways.ts';
import type { World } from './world.ts';

/*
 * What people do. Each says why it was refused; null: it was done.
 */

const ACTOR = 'ops';

/** Says that a key is known to others. @param keyId null: the current one */
export function tellCompromise(world: World, keyId: string | null = null): string | null {
  const version = keyId === null ? world.current : world.version(keyId);
  const request = { reason: 'found in a log', actor: ACTOR, rotationId: world.newId('rotation') };
  return attempt(() => world.command((situation, now) => compromise(situation, version, request, now)));
}

/** Goes back to the previous key. @param until null: as long as the overlap allows */
export function goBack(world: World, until: number | null = null): string | null {
  const request = { until, reason: 'the new one fails', actor: ACTOR };
  return attempt(() => world.command((situation, now) => rollBack(situation, request, now)));
}

export function retryLast(world: World): string | null {
  return attempt(() => world.command((situation, now) => retry(situation, world.last, ACTOR, now)));
}

export function abandonLast(world: World): string | null {
  return attempt(() => world.command((situation, now) => abandon(situation, world.last, ACTOR, now)));
}

/** Has revoked that key at the provider, and says so. */
export function retire(world: World, keyId: string): string | null {
  return attempt(() => world.command((_, now) => retireByHand(world.version(keyId), ACTOR, now)));
}

/** @param until null: until somebody resumes it */
export function pause(world: World, until: number | null = null): void {
  const reason = until === null ? 'holidays' : `until ${formatTime(until)}`;
  const record = { ...world.record, pause: { until, reason, actor: ACTOR, since: world.now } };
  world.command(() => ({ changes: [{ type: 'credential.put', record }], signals: [] }));
}

export function resume(world: World): void {
  const record = { ...world.record, pause: null };
  world.command(() => ({ changes: [{ type: 'credential.put', record }], signals: [] }));
}

/** Applications are refused with the current key, which the log's reader has found out. */
export function refuseCurrent(world: World): void {
  const { record } = world;
  world.command(() => ({
    changes: [
      {
        type: 'credential.put',
        record: {
          ...record,
          state: 'rejected',
          attempts: 0,
          retryAt: null,
          lastError: { code: 'invalid_key', verdict: 'rejected', message: 'the key is not accepted' },
        },
      },
    ],
    signals: [],
  }));
}

/** Somebody else rotates that key of ours. */
export function othersRotate(world: World, value: string): void {
  world.provider.rotate(value, world.newId('others'), world.now);
}

function attempt(command: () => void): string | null {
  try {
    command();
    return null;
  } catch (error) {
    if (!(error instanceof Error) || error.message.startsWith('broken') || error instanceof TypeError)
      throw error;
    return error.message;
  }
}
