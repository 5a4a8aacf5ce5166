import { bearerToken, type Call, json, type Reply } from './http.ts';
import { ACCESS_PREFIX, type UserGrants } from './oauth-grants.ts';
import { token } from './random.ts';
import { RateLimit, rateLimitHeaders } from './rate-limit.ts';

type Endpoint = {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly scope: string;
  readonly answer: (call: Call) => Readonly<Record<string, unknown>>;
};

/** What an application does in its user's name; FrameFlow's page names the scopes and no endpoint. */
const ENDPOINTS: readonly Endpoint[] = [
  {
    method: 'GET',
    path: /^\/v1\/assets\/search$/,
    scope: 'asset:read',
    answer: ({ query }) => ({
      results: [{ id: 'clip_4k_0001', title: query.get('q') ?? '' }],
      next_page: null,
    }),
  },
  {
    method: 'GET',
    path: /^\/v1\/assets\/[^/]+\/download$/,
    scope: 'asset:download',
    answer: ({ path }) => ({ url: `https://cdn.frameflow.example${path.replace(/\/download$/, '.mp4')}` }),
  },
  {
    method: 'POST',
    path: /^\/v1\/licenses$/,
    scope: 'license:purchase',
    answer: () => ({ license_id: `lic_${token(12)}` }),
  },
];

const WHY = {
  unknown: 'There is no such access token.',
  expired: 'The access token has expired.',
  revoked: 'The grant was revoked.',
};

/** FrameFlow's API for requests that bear an access token. They are not in the account's log: the contract names none. */
export class Delegated {
  readonly #grants: UserGrants;
  readonly #settings: { readonly requestsPerMinute: number };
  readonly #now: () => number;
  readonly #limit = new RateLimit();

  constructor(grants: UserGrants, settings: { readonly requestsPerMinute: number }, now: () => number) {
    this.#grants = grants;
    this.#settings = settings;
    this.#now = now;
  }

  /** Whether this request is one of a user's, rather than one by an API key. */
  concerns(call: Call): boolean {
    return bearerToken(call)?.startsWith(ACCESS_PREFIX) === true;
  }

  handle(call: Call): Reply {
    const requestId = `req_${token(16)}`;
    const refuse = (status: number, code: string, message: string, headers = {}) =>
      json(status, { error: { code, message }, request_id: requestId }, headers);
    const access = this.#grants.access(bearerToken(call) ?? '', this.#now());
    if ('refused' in access) {
      const challenge = `Bearer realm="FrameFlow", error="invalid_token"`;
      const code = access.refused === 'unknown' ? 'invalid_token' : `token_${access.refused}`;
      return refuse(401, code, WHY[access.refused], { 'www-authenticate': challenge });
    }
    const { clientId } = access.grant;
    const allowance = this.#limit.take(clientId, this.#settings.requestsPerMinute, this.#now());
    const headers = rateLimitHeaders(allowance);
    if (!allowance.allowed) {
      return refuse(429, 'rate_limited', `More than ${allowance.limit} requests a minute.`, headers);
    }
    const endpoint = ENDPOINTS.find(({ path }) => path.test(call.path));
    if (endpoint === undefined) return refuse(404, 'not_found', 'There is no such endpoint.', headers);
    const { method, scope } = endpoint;
    if (call.method !== method) {
      return refuse(405, 'method_not_allowed', `Use ${method}.`, { ...headers, allow: method });
    }
    if (!access.scopes.includes(scope)) {
      const challenge = `Bearer realm="FrameFlow", error="insufficient_scope", scope="${scope}"`;
      const named = { ...headers, 'www-authenticate': challenge };
      return refuse(403, 'insufficient_scope', `The user has not granted ${scope}.`, named);
    }
    return json(200, { ...endpoint.answer(call), request_id: requestId }, headers);
  }
}
