import { RefusedError } from '../engine/commands.ts';
import { formatTime, KeywardenError } from '../model/index.ts';
import { notFound, Problem } from './problem.ts';

/**
 * Does what a person asked for. A refusal becomes a 409 that names the rotation in the way, an unknown thing a 404;
 * anything else is thrown on as it is.
 * @throws {Problem}
 */
export async function commanded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RefusedError) throw refusal(error);
    if (error instanceof KeywardenError && error.code.startsWith('unknown_')) throw notFound(error.message);
    throw error;
  }
}

function refusal({ code, message, inFlight }: RefusedError): Problem {
  const members =
    inFlight === null
      ? {}
      : {
          rotation: inFlight.id,
          state: inFlight.state,
          overlapEndsAt: inFlight.overlapEndsAt === null ? null : formatTime(inFlight.overlapEndsAt),
        };
  return new Problem(409, code.replaceAll('_', '-'), message, { members });
}
