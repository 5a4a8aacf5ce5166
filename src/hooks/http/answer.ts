import { type Failure, formatDuration, HOUR, SECOND } from '../../model/index.ts';

/** What an answer says besides its body. */
export type Answer = {
  readonly status: number;
  readonly retryAfter: string | null;
  /** The other side's own time, which a date in Retry-After is read against. */
  readonly date: string | null;
};

/** Longer than this nobody waits unasked, ms. */
const LONGEST = HOUR;

/** Client errors that have nothing to do with what was sent. */
const PASSING: readonly number[] = [408, 425];

/** What an answer other than 2xx means. `now` in ms since the epoch. */
export function refusal(answer: Answer, origin: string, now: number): Failure {
  const { status } = answer;
  const said = `the onChange hook ${origin} answered ${status}`;
  if (status === 429 || status === 503) {
    const wait = retryAfter(answer, now);
    const asks = wait === null ? '' : `, and asks to wait ${formatDuration(wait)}`;
    return {
      code: status === 429 ? 'rate_limited' : 'unavailable',
      verdict: 'retryable',
      message: `${said}${asks}; Keywarden calls it again`,
      ...(wait === null ? {} : { retryAfterMs: wait }),
    };
  }
  if (PASSING.includes(status)) {
    return { code: 'unavailable', verdict: 'retryable', message: `${said}; Keywarden calls it again` };
  }
  if (status >= 400 && status < 500) {
    return {
      code: 'refused',
      verdict: 'permanent',
      message: `${said}; check its address, method and headers, and what is logged there`,
    };
  }
  return {
    code: 'unavailable',
    verdict: 'unknown',
    message: `${said}; it may have done its work all the same; see what is logged there`,
  };
}

/** How long a Retry-After asks to wait, ms: seconds or an HTTP date (RFC 9110, 10.2.3); null where it says nothing of use. */
function retryAfter({ retryAfter: text, date }: Answer, now: number): number | null {
  const asked = text?.trim() ?? '';
  if (/^\d+$/.test(asked)) return Math.min(Number(asked) * SECOND, LONGEST);
  const until = httpDate(asked);
  return until === null ? null : Math.min(Math.max(until - (httpDate(date ?? '') ?? now), 0), LONGEST);
}

function httpDate(text: string): number | null {
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
