import { setTimeout as sleep } from 'node:timers/promises';
import { KeywardenError, SECOND } from '../model/index.ts';
import { StateError } from '../state/contract.ts';
import { Engine } from './engine.ts';

/** So often in succession what the former one still does may come between our read and our write. */
const CONFLICT_LIMIT = 10;

/** How long the first turn of a loop is waited for: only a state that takes nothing is later, ms of real time. */
const TURNS_WITHIN = 2 * SECOND;

/** The former engine could not go on either. */
export class StandstillError extends KeywardenError {
  constructor(cause: unknown) {
    super('standstill', 'neither the new configuration nor the one before could be started', { cause });
    this.name = 'StandstillError';
  }
}

export type Succession = {
  /** The one that runs now. */
  readonly engine: Engine;
  /** Resolves once nothing of the former one is left in flight: only then may its plug-ins be closed. */
  readonly ended: Promise<void>;
  /** Why it is not the new one; null: it is. */
  readonly error: unknown;
};

/**
 * Lets an engine with another configuration take the place of one that runs, on the same state. What is in flight ends
 * or is parked by the former one, under the claims that it holds. Where the new one cannot start, one like the former
 * goes on.
 *
 * @param next made with `former`, and not started
 * @param stopping the process is about to end: the former one is left stopped, and nothing begins
 * @throws {StateError} where the state takes no writes: then nothing has changed; {@link StandstillError}
 */
export async function succeed(former: Engine, next: Engine, stopping: AbortSignal): Promise<Succession> {
  await next.context.state.prove();
  const { ended } = await former.handOver(stopping);
  if (stopping.aborted) return { engine: former, ended, error: stopping.reason };
  try {
    return { engine: await begin(next), ended, error: null };
  } catch (error) {
    const left = await next.handOver(AbortSignal.abort());
    await left.ended;
    try {
      return { engine: await begin(new Engine(former.context, former)), ended, error };
    } catch (again) {
      throw new StandstillError(again);
    }
  }
}

/** Starts it, and has it turn once. */
async function begin(engine: Engine): Promise<Engine> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await engine.start();
      break;
    } catch (error) {
      const moved = error instanceof StateError && (error.code === 'stale' || error.code === 'conflict');
      if (!moved || attempt === CONFLICT_LIMIT) throw error;
    }
  }
  const late = AbortSignal.timeout(TURNS_WITHIN);
  while (!engine.ready && !late.aborted) await sleep(1);
  return engine;
}
