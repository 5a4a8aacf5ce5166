import { parseDuration } from '../model/index.ts';
import { parseTime } from '../providers/rfc3339.ts';

/** What a person is told who wrote something else. */
export const MOMENT_EXPECTED = 'a duration such as 12h, or a time with its zone such as 2026-10-01T09:00:00Z';

/**
 * A moment as a person writes it: a duration counts from `now`. A time may have a blank where RFC 3339 has its `T`, as
 * our own tables print it. Null where the text is neither.
 *
 * @example parseMoment('12h', now) // now + 43_200_000
 */
export function parseMoment(text: string, now: number): number | null {
  const span = parseDuration(text);
  if (span !== null) return now + span;
  return parseTime(text.replace(/^(\S{10}) /, '$1T'));
}
