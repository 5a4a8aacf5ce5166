import { HOUR, SECOND } from '../model/index.ts';

/** Longer than this no one waits unasked: by then the question is put again. */
const LONGEST = HOUR;

/**
 * How long a `Retry-After` header asks to wait, in ms from `now`; undefined where it says nothing of use.
 * Seconds or an HTTP date (RFC 9110, 10.2.3). A date is read against the answer's own `Date` where it has one,
 * so that a wrong clock on either side does no harm.
 *
 * @example parseRetryAfter({ 'retry-after': '30' }, now) // 30000
 */
export function parseRetryAfter(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const text = headers['retry-after']?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * SECOND, LONGEST);
  const until = httpDate(text);
  if (until === null) return undefined;
  const from = httpDate(headers.date ?? '') ?? now;
  return Math.min(Math.max(until - from, 0), LONGEST);
}

function httpDate(text: string): number | null {
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
