import { HOUR, SECOND } from '../model/index.ts';

/** Longer than this no one waits unasked: by then the question is put again. */
const LONGEST = HOUR;

/**
 * How long an answer asks to wait, in ms from `now`; undefined where it says nothing of use. Read are `Retry-After`
 * (RFC 9110, 10.2.3: seconds or an HTTP date) and `retry_after`, which is StockFlow's spelling; the longer one counts.
 * A date is read against the answer's own `Date` where it has one, so that a wrong clock on either side does no harm.
 *
 * @example parseRetryAfter({ 'retry-after': '30' }, now) // 30000
 */
export function parseRetryAfter(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const from = httpDate(headers.date ?? '') ?? now;
  const waits = [headers['retry-after'], headers.retry_after]
    .map((text) => waitIn(text?.trim() ?? '', from))
    .filter((wait) => wait !== null);
  return waits.length === 0 ? undefined : Math.min(Math.max(...waits), LONGEST);
}

function waitIn(text: string, from: number): number | null {
  if (/^\d+$/.test(text)) return Number(text) * SECOND;
  const until = httpDate(text);
  return until === null ? null : Math.max(until - from, 0);
}

function httpDate(text: string): number | null {
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
