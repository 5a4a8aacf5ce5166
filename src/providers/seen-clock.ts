import { type Clock, DAY, type NetResponse } from '../model/index.ts';
import type { SeenClock } from './contract.ts';

/** A Date further away than this, or none, says nothing: ours counts. Machines that lost their clock are nearer. */
const SANE = 7 * DAY;

/**
 * The clock of whoever gave this answer, as its Date header tells it (RFC 9110, 6.6.1), and ours at this moment.
 *
 * @param sent when the call was sent, by our wall clock
 */
export function seenClock({ headers }: NetResponse, clock: Clock, sent = clock.now()): SeenClock {
  const wall = clock.now();
  const date = Date.parse(headers.date ?? '');
  const sane = Math.abs(date - wall) < SANE;
  return { date: sane ? date : wall, sent: Math.min(sent, wall), wall, steady: clock.steady() };
}
