import { EdgeError, type NetResponse, type Verdict } from '../model/index.ts';
import { parseRetryAfter } from './retry-after.ts';

/*
 * What providers' answers have in common, read without trust. No message quotes an answer: it can hold a key.
 */

/** What an answer that is no success means, for plans (code, verdict) and for a person. */
export type Meaning = readonly [code: string, verdict: Verdict, what: string];

/** `unusable_answer`, unknown: the call may have had its effect. */
export function unusableAnswer(vendor: string, target: string, what: string): EdgeError {
  return new EdgeError({
    code: 'unusable_answer',
    verdict: 'unknown',
    message: `${vendor}'s answer to ${target} cannot be used: ${what}; if it stays so, ask ${vendor}`,
  });
}

/**
 * What a status means wherever the provider gives it no meaning of its own. 429 and 503: not processed. 401: the key
 * is refused. Other 4xx: a person must act. All else: unknown.
 */
export function commonMeaning(status: number): Meaning {
  if (status === 429) return ['rate_limited', 'retryable', 'the rate limit is used up; waiting'];
  if (status === 503) return ['unavailable', 'retryable', 'it is not available now; trying again'];
  if (status === 401) return ['unauthorized', 'rejected', 'the key is not accepted'];
  if (status >= 400 && status < 500) {
    return ['refused', 'permanent', 'it refuses the call; check apiUrl, and whether the API has changed'];
  }
  return ['server_error', 'unknown', 'the outcome is not known; trying again'];
}

/** The failure of an answer with this meaning. Where asking again makes sense it bears the wait that was asked for. */
export function refusal(
  vendor: string,
  target: string,
  { status, headers }: NetResponse,
  [code, verdict, what]: Meaning,
  now: number,
): EdgeError {
  const again = verdict === 'retryable' || verdict === 'rejected';
  const retryAfterMs = again ? parseRetryAfter(headers, now) : undefined;
  return new EdgeError({
    code,
    verdict,
    message: `${vendor} answered ${status} to ${target}: ${what}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Undefined where the text is no JSON; the parser's error would quote it. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An own field of an object, undefined for all else. */
export function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
