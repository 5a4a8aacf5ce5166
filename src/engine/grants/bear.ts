import { backoff } from '../../rotation/index.ts';
import { StateError } from '../../state/contract.ts';
import type { EngineContext } from '../context.ts';

/** How a turn hears of the daemon's stop, and rests without holding it up. */
export type Surroundings = {
  /** Nothing new is begun: the daemon stops, or a successor takes over. */
  readonly stopping: AbortSignal;
  /** The process ends: what the state does not take is given up. */
  readonly ending: AbortSignal;
  /** Ends early at a stop. */
  readonly pause: (ms: number) => Promise<void>;
};

/**
 * What a server answered is known here alone, and the state did not take it: after a while it is offered again.
 *
 * @param what the state did not take, for the log
 * @param attempt which one failed
 * @throws `error` where the process ends
 */
export async function bear(
  { context, client, ending, pause }: Surroundings & { context: EngineContext; client: Named },
  what: string,
  error: unknown,
  attempt: number,
): Promise<void> {
  if (ending.aborted) throw error;
  const { name } = client.config;
  const message = `${name}: ${what} could not be stored; it is tried again`;
  context.log.error({ error, client: name }, message);
  await pause(backoff(attempt, {}));
}

type Named = { readonly config: { readonly name: string } };

/** Whoever holds the claim now knows nothing of what came of our request. */
export function isClaimLost(error: unknown): boolean {
  return error instanceof StateError && error.code === 'claim_lost';
}

/** Somebody else has written what was read. */
export function isStale(error: unknown): boolean {
  return error instanceof StateError && error.code === 'stale';
}
