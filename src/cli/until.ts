import { MOMENT_EXPECTED, parseMoment } from '../api/moment.ts';
import { CommandError, EXIT } from './exit.ts';

/** What `--until` and `--reason` add to a request. */
export type UntilOptions = { readonly until?: string; readonly reason?: string };

/**
 * The body of a request with an end. A duration goes as it is: it counts from the daemon's own clock.
 * @param flag what the end was given as
 * @throws {CommandError} `usage` where it is neither a duration nor a time
 */
export function untilBody(
  { until, reason }: UntilOptions,
  flag = '--until',
): Readonly<Record<string, unknown>> {
  if (until !== undefined && parseMoment(until, 0) === null) {
    throw new CommandError(EXIT.usage, `${flag}: expected ${MOMENT_EXPECTED}`);
  }
  return { ...(until === undefined ? {} : { until }), ...(reason === undefined ? {} : { reason }) };
}
