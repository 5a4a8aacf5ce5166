import { type Call, json, type Reply } from './http.ts';
import { formIn, parameter, repeated, scopesIn } from './oauth-form.ts';
import type { Refused, Tokens, UserGrants } from './oauth-grants.ts';
import type { OAuthSettings, RegisteredClient } from './oauth-settings.ts';
import { RateLimit, rateLimitHeaders } from './rate-limit.ts';

export type TokenSettings = { readonly oauth: OAuthSettings; readonly requestsPerMinute: number };

/** An error of RFC 6749, 5.2. */
type Fault = { readonly status: number; readonly error: string; readonly description: string };

const PARAMETERS = [
  'grant_type',
  'code',
  'redirect_uri',
  'code_verifier',
  'client_id',
  'client_secret',
  'refresh_token',
  'scope',
];

const NOT_KEPT = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** POST /oauth/token: RFC 6749, 4.1.3 and 6, for clients that prove themselves by their secret (2.3.1). */
export class TokenEndpoint {
  readonly #grants: UserGrants;
  readonly #settings: TokenSettings;
  readonly #now: () => number;
  /** By client: it is none of the keys' buckets. */
  readonly #limit = new RateLimit();

  constructor(grants: UserGrants, settings: TokenSettings, now: () => number) {
    this.#grants = grants;
    this.#settings = settings;
    this.#now = now;
  }

  async handle(call: Call): Promise<Reply> {
    if (call.method !== 'POST') return refuse(invalid('Use POST.', 405), { allow: 'POST' });
    const form = formIn(call);
    if (form === null) return refuse(invalid('The body is no form of at most 64 KB.'));
    const twice = repeated(form, PARAMETERS);
    if (twice !== null) return refuse(invalid(`${twice} stands more than once.`));
    const client = authenticated(call, form, this.#settings.oauth.clients);
    if ('error' in client) {
      return refuse(client, client.status === 401 ? { 'www-authenticate': 'Basic realm="FrameFlow"' } : {});
    }

    const allowance = this.#limit.take(client.clientId, this.#settings.requestsPerMinute, this.#now());
    const headers = rateLimitHeaders(allowance);
    if (!allowance.allowed) {
      const description = `More than ${allowance.limit} requests a minute.`;
      return refuse({ status: 429, error: 'rate_limited', description }, headers);
    }
    await call.pause();
    const outcome = this.#grant(form, client);
    if ('error' in outcome) return refuse({ status: 400, ...outcome }, headers);
    return json(200, this.#shown(outcome), { ...NOT_KEPT, ...headers });
  }

  #grant(form: URLSearchParams, client: RegisteredClient): Tokens | Refused | Fault {
    const { clientId, redirectUris } = client;
    switch (parameter(form, 'grant_type')) {
      case null:
        return invalid('grant_type is missing.');
      case 'authorization_code': {
        const code = parameter(form, 'code');
        const verifier = parameter(form, 'code_verifier');
        if (code === null) return invalid('code is missing.');
        if (verifier === null || !/^[\w.~-]{43,128}$/.test(verifier)) {
          return invalid('code_verifier has 43 to 128 characters.');
        }
        const redirectUri = parameter(form, 'redirect_uri');
        const onlyUri = redirectUris.length === 1 ? (redirectUris[0] ?? null) : null;
        return this.#grants.exchange(code, { clientId, redirectUri, verifier, onlyUri }, this.#now());
      }
      case 'refresh_token': {
        const value = parameter(form, 'refresh_token');
        if (value === null) return invalid('refresh_token is missing.');
        const scope = parameter(form, 'scope');
        return this.#grants.refresh(value, clientId, scope === null ? null : scopesIn(scope), this.#now());
      }
      default:
        return {
          status: 400,
          error: 'unsupported_grant_type',
          description: 'grant_type is authorization_code or refresh_token.',
        };
    }
  }

  /** RFC 6749, 5.1. */
  #shown({ access, refresh, scopes, expiresIn }: Tokens): object {
    return {
      access_token: access,
      token_type: 'Bearer',
      expires_in: expiresIn,
      ...(refresh === null ? {} : { refresh_token: refresh }),
      scope: scopes.join(this.#settings.oauth.scopeDelimiter === 'comma' ? ',' : ' '),
    };
  }
}

/** client_secret_basic or client_secret_post; never both at once. */
function authenticated(
  call: Call,
  form: URLSearchParams,
  clients: readonly RegisteredClient[],
): RegisteredClient | Fault {
  const basic = basicIn(call.headers.authorization);
  const [id, secret] = [parameter(form, 'client_id'), parameter(form, 'client_secret')];
  if (basic !== null && (secret !== null || (id !== null && id !== basic.id))) {
    return invalid('The client proves itself in one way, not in two.');
  }
  const given = basic ?? { id, secret };
  const client = clients.find((one) => one.clientId === given.id && one.secret === given.secret);
  if (client !== undefined) return client;
  const description = 'There is no such client, or its secret is another one.';
  return { status: 401, error: 'invalid_client', description };
}

/** Id and secret are form-encoded before they are joined (RFC 6749, 2.3.1). Null where there is no such header. */
function basicIn(header: string | undefined): { readonly id: string; readonly secret: string } | null {
  const encoded = /^Basic +(\S+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const at = text.indexOf(':');
  if (at === -1) return { id: '', secret: '' };
  const [id, secret] = [text.slice(0, at), text.slice(at + 1)].map(formDecoded);
  return { id: id ?? '', secret: secret ?? '' };
}

function formDecoded(text: string): string {
  return new URLSearchParams(`v=${text.replaceAll('&', '%26')}`).get('v') ?? '';
}

function invalid(description: string, status = 400): Fault {
  return { status, error: 'invalid_request', description };
}

function refuse({ status, error, description }: Fault, headers: Reply['headers'] = {}): Reply {
  return json(status, { error, error_description: description }, { ...NOT_KEPT, ...headers });
}
