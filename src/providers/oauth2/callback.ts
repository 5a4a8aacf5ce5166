import { AuthorizationResponseError, skipStateCheck, validateAuthResponse } from 'oauth4webapi';
import { EdgeError } from '../../model/index.ts';
import { itSays } from './safe-text.ts';
import type { ServerFacts } from './server.ts';

/** RFC 6749, 4.1.2.1, and OpenID Connect Core, 3.1.2.6: in words for the person in the browser. Others are not passed on. */
const REASONS: Readonly<Record<string, string>> = {
  access_denied: 'access was not allowed; start again to allow it',
  invalid_request: 'the server finds the request malformed; the operator must look into it',
  unauthorized_client:
    'the server does not let this client ask; the operator must look into its registration',
  unsupported_response_type: 'the server gives no authorization codes; the operator must look into it',
  invalid_scope:
    'the server does not know one of the scopes that were asked for; the operator must look into it',
  server_error: 'the server had a fault; start again',
  temporarily_unavailable: 'the server is not available now; start again later',
  interaction_required: 'the server has to ask something and could not; start again',
  login_required: 'the server has no login of yours; start again',
  account_selection_required: 'the server does not know which account is meant; start again',
  consent_required: 'the server has no consent of yours; start again',
};

/**
 * The callback's parameters, proven to be a success of this server's for us (oauth4webapi wants them so for the exchange).
 * `state`: what it must bear; null where that was checked before.
 *
 * Where the server's issuer is not known, an `iss` (RFC 9207) must at least be of the origin of its authorization endpoint.
 *
 * @throws {EdgeError} permanent: one of the server's own codes, `authorization_failed` for one that is not known,
 * `issuer_mismatch`, `bad_callback`
 */
export function checkedCallback(
  { metadata, issuer, authorizationEndpoint }: ServerFacts,
  clientId: string,
  query: URLSearchParams,
  state: string | null,
): URLSearchParams {
  const iss = query.get('iss');
  const near = iss !== null && URL.parse(iss)?.origin === new URL(authorizationEndpoint).origin;
  const server = issuer === null && near ? { ...metadata, issuer: iss } : metadata;
  let checked: URLSearchParams;
  try {
    checked = validateAuthResponse(server, { client_id: clientId }, query, state ?? skipStateCheck);
  } catch (error) {
    // Its errors hold the whole query, the code among it.
    if (error instanceof AuthorizationResponseError) throw theirs(query);
    throw iss !== null && iss !== server.issuer ? foreign(issuer) : unfit(server, query);
  }
  const [code = '', another] = checked.getAll('code');
  if (code === '' || another !== undefined) throw unfit(server, query);
  return checked;
}

function theirs(query: URLSearchParams): EdgeError {
  const secrets = ['code', 'state'].flatMap((name) => query.getAll(name));
  const error = query.get('error') ?? '';
  const reason = Object.hasOwn(REASONS, error) ? REASONS[error] : undefined;
  const known = reason === undefined ? itSays(error, secrets) : '';
  const says = itSays(query.get('error_description'), secrets);
  return permanent(
    reason === undefined ? 'authorization_failed' : error,
    `the consent did not come about: ${reason ?? 'the server refused it'}${known}${says}`,
  );
}

function foreign(issuer: string | null): EdgeError {
  const advice =
    issuer === null ? "name the server's issuer in the configuration" : 'start again from the beginning';
  return permanent(
    'issuer_mismatch',
    `the callback was sent by another server than the one that was asked (iss); nothing was sent; ${advice}`,
  );
}

function unfit(
  server: { readonly authorization_response_iss_parameter_supported?: boolean },
  query: URLSearchParams,
): EdgeError {
  const lacksIss = server.authorization_response_iss_parameter_supported === true && !query.get('iss');
  const why = lacksIss
    ? "it lacks iss, which this server always sends; pass on the callback's whole query"
    : 'its code or state is missing, stands there twice or is not the one expected; start again from the beginning';
  return permanent('bad_callback', `the callback cannot be used: ${why}`);
}

function permanent(code: string, message: string): EdgeError {
  return new EdgeError({ code, verdict: 'permanent', message });
}
