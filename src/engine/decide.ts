import { type AuditEntry, type Change, KeywardenError, type Rotation, type Signal } from '../model/index.ts';
import type { Situation } from '../rotation/index.ts';
import { StateError } from '../state/contract.ts';
import { dueByOurClock } from './due-times.ts';
import type { Engine } from './engine.ts';
import { timeOf } from './provider-time.ts';
import { situationOf } from './situation.ts';

/** A command was understood and is not possible now. `inFlight` names the rotation in the way, if one is. */
export class RefusedError extends KeywardenError {
  readonly inFlight: Rotation | null;

  constructor(code: string, message: string, inFlight: Rotation | null = null) {
    super(code, message);
    this.name = 'RefusedError';
    this.inFlight = inFlight;
  }
}

/** What a command decided on what it read: nothing to change means that it is so already. */
export type Decision<T> = {
  readonly result: T;
  readonly changes: readonly Change[];
  readonly signals?: readonly Signal[];
};

/** So often in succession the credential may change under a command before it gives up. */
const DECIDE_LIMIT = 10;

/**
 * Reads, decides, and commits only where nobody has changed the credential meanwhile; else once more. The credential is
 * then due.
 */
export async function decide<T>(
  engine: Engine,
  credential: string,
  make: (situation: Situation, now: number) => Decision<T>,
): Promise<T> {
  const { context } = engine;
  for (let attempt = 1; ; attempt += 1) {
    const now = timeOf(context, credential);
    const situation = await situationOf(context, credential, { now });
    const { result, changes, signals = [] } = make(situation, now);
    if (changes.length === 0) return result;
    const { revision } = situation.snapshot;
    const due: Change = { type: 'work.wake', kind: 'credential', id: credential, at: context.clock.now() };
    try {
      const expected: Change = { type: 'credential.expect', name: credential, revision };
      await engine.submit([expected, ...dueByOurClock(changes, now, context.clock.now()), due], signals);
      return result;
    } catch (error) {
      const moved = error instanceof StateError && (error.code === 'stale' || error.code === 'conflict');
      if (!moved || attempt === DECIDE_LIMIT) throw error;
    }
  }
}

/** A line of the audit log. */
export function audited(
  at: number,
  actor: string,
  action: string,
  credential: string,
  detail: AuditEntry['detail'],
): Change {
  return { type: 'audit.append', entry: { at, actor, action, credential, detail } };
}
