import type { Call, Reply } from './http.ts';
import { formIn, parameter, repeated, scopesIn } from './oauth-form.ts';
import type { UserGrants } from './oauth-grants.ts';
import { consentPage, faultPage } from './oauth-page.ts';
import type { OAuthSettings } from './oauth-settings.ts';
import { token } from './random.ts';

/** What a user is asked, once it is known that the request is in order. */
type Question = {
  readonly clientId: string;
  /** Where the answer goes. */
  readonly redirectUri: string;
  /** Whether the request named it, or there is only one. */
  readonly named: boolean;
  readonly state: string;
  readonly challenge: string;
  readonly scopes: readonly string[];
  readonly askedAt: number;
};

/** Who asks and where the answer goes; all that may go wrong after that is told there. */
type Asker = Pick<Question, 'clientId' | 'redirectUri' | 'named'> & { readonly state: string | null };

/** All that FrameFlow's page names. */
const SCOPES = [
  'asset:download',
  'license:purchase',
  'asset:read',
  'collection:write',
  'billing:read',
  'upload:manage',
];

const PARAMETERS = [
  'response_type',
  'client_id',
  'redirect_uri',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
];

/** How long a page waits for its user, ms. */
const PATIENCE = 10 * 60_000;

/** GET and POST /oauth/authorize: the code grant of RFC 6749, 4.1, with state and PKCE S256 (RFC 7636), both required. */
export class Authorize {
  readonly #grants: UserGrants;
  readonly #settings: { readonly oauth: OAuthSettings };
  readonly #now: () => number;
  readonly #open = new Map<string, Question>();

  constructor(grants: UserGrants, settings: { readonly oauth: OAuthSettings }, now: () => number) {
    this.#grants = grants;
    this.#settings = settings;
    this.#now = now;
  }

  handle(call: Call): Reply {
    if (call.method === 'GET') return this.#ask(call.query);
    if (call.method === 'POST') return this.#decide(call);
    return faultPage(405, 'Use GET.', { allow: 'GET, POST' });
  }

  #ask(query: URLSearchParams): Reply {
    const asker = this.#asker(query);
    if (typeof asker === 'string') return faultPage(400, asker);
    const fault = faultOf(query);
    if (fault !== null) return errorRedirect(302, asker, ...fault);
    const question: Question = {
      ...asker,
      state: parameter(query, 'state') ?? '',
      challenge: parameter(query, 'code_challenge') ?? '',
      scopes: scopesIn(query.get('scope') ?? ''),
      askedAt: this.#now(),
    };
    if (this.#settings.oauth.consent === 'automatic') return this.#approve(302, question, question.scopes);
    const request = token(32);
    for (const [name, { askedAt }] of this.#open) {
      if (question.askedAt < askedAt + PATIENCE) break;
      this.#open.delete(name);
    }
    this.#open.set(request, question);
    return consentPage({ ...question, request });
  }

  #decide(call: Call): Reply {
    const form = formIn(call);
    const request = form?.get('request') ?? '';
    const question = this.#open.get(request);
    this.#open.delete(request);
    if (form === null || question === undefined || this.#now() >= question.askedAt + PATIENCE) {
      return faultPage(400, 'This page is out of date. Begin again at the application.');
    }
    const ticked = question.scopes.filter((scope) => form.getAll('scope').includes(scope));
    if (form.get('decision') === 'approve' && ticked.length > 0) return this.#approve(303, question, ticked);
    return errorRedirect(303, question, 'access_denied', 'The user denied the access.');
  }

  #approve(status: 302 | 303, question: Question, approved: readonly string[]): Reply {
    const { clientId, redirectUri, named, challenge, state } = question;
    const scopes = this.#settings.oauth.grantedScopes ?? approved;
    const approval = { clientId, redirectUri: named ? redirectUri : null, challenge, scopes };
    return redirect(status, redirectUri, { code: this.#grants.issueCode(approval, this.#now()), state });
  }

  /** A text where it is not certain who asks: then nobody is sent anywhere. */
  #asker(query: URLSearchParams): Asker | string {
    const twice = repeated(query, ['client_id', 'redirect_uri']);
    if (twice !== null) return `${twice} stands more than once in the request.`;
    const clientId = parameter(query, 'client_id');
    const client = this.#settings.oauth.clients.find((one) => one.clientId === clientId);
    if (clientId === null || client === undefined) return `There is no application ${clientId ?? ''}.`;
    const given = parameter(query, 'redirect_uri');
    const redirectUri = given ?? (client.redirectUris.length === 1 ? client.redirectUris[0] : undefined);
    if (redirectUri === undefined) return 'redirect_uri is missing, and the application has several.';
    if (!client.redirectUris.includes(redirectUri)) {
      return `The application ${clientId} has not registered ${redirectUri}.`;
    }
    return { clientId, redirectUri, named: given !== null, state: parameter(query, 'state') };
  }
}

/** What is wrong with the request of a known asker: the error and what it says (RFC 6749, 4.1.2.1); null: nothing. */
function faultOf(query: URLSearchParams): readonly [error: string, description: string] | null {
  const twice = repeated(query, PARAMETERS);
  if (twice !== null) return ['invalid_request', `${twice} stands more than once.`];
  const responseType = parameter(query, 'response_type');
  if (responseType === null) return ['invalid_request', 'response_type is missing.'];
  if (responseType !== 'code') return ['unsupported_response_type', 'response_type is code.'];
  if (parameter(query, 'state') === null) return ['invalid_request', 'state is missing.'];
  if (query.get('code_challenge_method') !== 'S256') {
    return ['invalid_request', 'code_challenge_method is S256.'];
  }
  if (!/^[\w-]{43}$/.test(query.get('code_challenge') ?? '')) {
    return ['invalid_request', 'code_challenge is the SHA-256 of the verifier in base64url.'];
  }
  const scopes = scopesIn(query.get('scope') ?? '');
  if (scopes.length === 0) return ['invalid_scope', 'scope is missing.'];
  if (scopes.some((scope) => !SCOPES.includes(scope))) {
    return ['invalid_scope', 'scope names one that there is not.'];
  }
  return null;
}

function errorRedirect(status: 302 | 303, asker: Asker, error: string, description: string): Reply {
  const { redirectUri, state } = asker;
  const told = { error, error_description: description };
  return redirect(status, redirectUri, state === null ? told : { ...told, state });
}

function redirect(status: 302 | 303, uri: string, parameters: Readonly<Record<string, string>>): Reply {
  const location = `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams(parameters)}`;
  const headers = { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };
  return { status, headers, body: '' };
}
