import {
  BAD_MESSAGE,
  EdgeError,
  type Failure,
  failureOf,
  HOUR,
  KeywardenError,
  SECOND,
} from '../model/index.ts';

/** Gateways answer so when they cannot tell whether the service behind them did what was asked. */
const UNTOLD: readonly number[] = [502, 504];
/** What was sent is refused for what it holds, and not the channel. */
const BAD: readonly number[] = [400, 413, 422];
/** Client errors that have nothing to do with what was sent. */
const PASSING: readonly number[] = [408, 425];
/** `Sun, 06 Nov 1994 08:49:37 GMT`; every other form is obsolete. */
const GMT_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * What a channel's answer means, other than its success.
 *
 * @param service for the message: `Slack`
 * @param answer `retryAfter`: the header of that name, seconds or a date (RFC 9110, 10.2.3); `now`: what a date is measured by
 * @param hint what to do where the channel refuses for good
 */
export function refusal(
  service: string,
  answer: { readonly status: number; readonly retryAfter: string | null; readonly now: number },
  hint: string,
): Failure {
  const { status, retryAfter, now } = answer;
  const said = `${service} answered ${status}`;
  const wait = waitOf(retryAfter, now);
  if (status === 429) {
    const message = `${said}: too many messages; Keywarden waits and sends it again`;
    return { code: 'rate_limited', verdict: 'retryable', message, ...wait };
  }
  if (UNTOLD.includes(status)) {
    return { code: 'unavailable', verdict: 'unknown', message: `${said}; the message may have arrived` };
  }
  if (status >= 500 || PASSING.includes(status)) {
    return {
      code: 'unavailable',
      verdict: 'retryable',
      message: `${said}; Keywarden sends it again`,
      ...wait,
    };
  }
  if (BAD.includes(status)) return { code: BAD_MESSAGE, verdict: 'permanent', message: `${said}; ${hint}` };
  if (status >= 400) return { code: 'refused', verdict: 'permanent', message: `${said}; ${hint}` };
  if (status >= 300) {
    return {
      code: 'redirected',
      verdict: 'permanent',
      message: `${said}, a redirect, which is not followed; ${hint}`,
    };
  }
  return {
    code: 'unexpected_answer',
    verdict: 'unknown',
    message: `${said} without confirming the message; something else may answer at that address`,
  };
}

/** An hour at most is believed; what cannot be read, or is over, says nothing. */
function waitOf(retryAfter: string | null, now: number): { readonly retryAfterMs?: number } {
  const header = retryAfter ?? '';
  const ms = /^\d{1,6}$/.test(header)
    ? Number(header) * SECOND
    : GMT_DATE.test(header)
      ? Date.parse(header) - now
      : NaN;
  return ms >= 0 ? { retryAfterMs: Math.min(ms, HOUR) } : {};
}

/** What reading a channel's secret threw, as the EdgeError that `deliver` may throw: the file may come back. */
export function secretFault(error: unknown): EdgeError {
  if (!(error instanceof KeywardenError)) return new EdgeError(failureOf(error));
  return new EdgeError({ code: error.code, verdict: 'retryable', message: error.message });
}
