import type { NetResponse } from '../../model/index.ts';
import { commonMeaning, field, type Meaning, parseJson } from '../answers.ts';
import { itSays } from './safe-text.ts';

/** RFC 6749, 5.2, and RFC 7009, 2.2.1: what a person must do about it. */
const REFUSALS: Readonly<Record<string, string>> = {
  invalid_request: 'it finds the request malformed',
  invalid_scope: 'it does not grant the scopes that were asked for',
  unauthorized_client: 'it does not let this client do that; check how the client is registered there',
  unsupported_grant_type: 'it does not know this kind of grant; check tokenEndpoint',
  unsupported_token_type: 'it does not revoke tokens of this kind',
};

/**
 * What an answer of the token endpoint, or of one that asks for the client's authentication as it does, means where it is no
 * success. `secrets`: what was presented, which no message may repeat. `remedy`: what to do where the client is refused.
 */
export function meaningOf(
  { status, body }: NetResponse,
  { secrets, remedy }: { readonly secrets: readonly string[]; readonly remedy: string },
): Meaning {
  if (status === 429 || status === 503) return commonMeaning(status);
  if (status >= 300 && status < 400 && status !== 303) {
    const what = 'it redirects, which is not followed with a secret; name the final address';
    return ['redirected', 'permanent', what];
  }
  if (status < 400 || status >= 500 || status === 408) {
    return ['server_error', 'unknown', 'what became of the request is not known'];
  }
  const answer = parseJson(body.toString());
  const error = field(answer, 'error');
  const says = itSays(field(answer, 'error_description'), secrets);
  if (error === 'invalid_grant') {
    return ['invalid_grant', 'rejected', `the grant is not valid any more, or was never${says}`];
  }
  const known = typeof error === 'string' && Object.hasOwn(REFUSALS, error) ? REFUSALS[error] : undefined;
  if (known !== undefined) return [String(error), 'permanent', `${known}${says}`];
  if (error === 'invalid_client' || status === 401) {
    return ['invalid_client', 'permanent', `it does not accept the client; ${remedy}${says}`];
  }
  return ['refused', 'permanent', `it refuses the request; check the endpoints and the client there${says}`];
}

/** The error code of a 4xx; null for all else. */
export function errorCode({ status, body }: NetResponse): string | null {
  if (status < 400 || status >= 500) return null;
  const error = field(parseJson(body.toString()), 'error');
  return typeof error === 'string' ? error : null;
}
