import { EdgeError, type Failure, failureOf, HOUR, KeywardenError, SECOND } from '../model/index.ts';

/** Gateways answer so when they cannot tell whether the service behind them did what was asked. */
const UNTOLD: readonly number[] = [502, 504];
/** Client errors that have nothing to do with what was sent. */
const PASSING: readonly number[] = [408, 425];

/**
 * What a channel's answer means, other than its success.
 *
 * @param service for the message: `Slack`
 * @param retryAfter the header of that name, in seconds (RFC 9110, 10.2.3; neither service sends a date)
 * @param hint what to do where the channel refuses for good
 */
export function refusal(
  service: string,
  answer: { readonly status: number; readonly retryAfter: string | null },
  hint: string,
): Failure {
  const { status, retryAfter } = answer;
  const said = `${service} answered ${status}`;
  if (status === 429) {
    const wait = /^\d{1,6}$/.test(retryAfter ?? '') ? Math.min(Number(retryAfter) * SECOND, HOUR) : null;
    const message = `${said}: too many messages; Keywarden waits and sends it again`;
    return {
      code: 'rate_limited',
      verdict: 'retryable',
      message,
      ...(wait === null ? {} : { retryAfterMs: wait }),
    };
  }
  if (UNTOLD.includes(status)) {
    return { code: 'unavailable', verdict: 'unknown', message: `${said}; the message may have arrived` };
  }
  if (status >= 500 || PASSING.includes(status)) {
    return { code: 'unavailable', verdict: 'retryable', message: `${said}; Keywarden sends it again` };
  }
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

/** What reading a channel's secret threw, as the EdgeError that `deliver` may throw: the file may come back. */
export function secretFault(error: unknown): EdgeError {
  if (!(error instanceof KeywardenError)) return new EdgeError(failureOf(error));
  return new EdgeError({ code: error.code, verdict: 'retryable', message: error.message });
}
