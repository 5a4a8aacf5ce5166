import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Provider } from 'oidc-provider';
import { type Issued, serve } from '../../src/net/testing/index.ts';
import { AuthorizationStore } from './authorization-store.ts';
import { CONSENTING, type Consenting, consent } from './consent.ts';
import { TokenEndpoint } from './token-faults.ts';

export { consent } from './consent.ts';
export { MALFORMED, type TokenFault } from './token-faults.ts';

/** A client that the authorization server knows. */
export type RegisteredClient = {
  readonly clientId: string;
  readonly authentication: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';
  /** Its secret, or its private key (PEM, PKCS#8). */
  readonly secret: string;
};

type ClientKey = { readonly public: KeyObject; readonly private: string; readonly kid?: string };

export type AuthorizationServerOptions = {
  /** Absent: plain http on loopback. */
  readonly tls?: Issued;
  /** The PEM that trusts `tls`, for {@link AuthorizationServer.consent}. */
  readonly ca?: string;
  /** Where the clients may be sent back to. Default `http://localhost:9/callback`, where nothing listens. */
  readonly redirectUris?: readonly string[];
  /** Default `asset:download`, `license:purchase` and `asset:search`. */
  readonly scopes?: readonly string[];
  /** Lives in whole seconds. Defaults: an hour, 90 days. */
  readonly accessLife?: number;
  readonly refreshLife?: number;
  /** False: a rotated refresh token ends when the first one would have. Default true. */
  readonly slides?: boolean;
  /** How long a rotated refresh token is accepted again, ms. Default 0. */
  readonly grace?: number;
  /** The key of the `private_key_jwt` client in the place of a fresh one: its public part, and the private one in PEM. */
  readonly key?: ClientKey;
};

export type AuthorizationServer = AsyncDisposable & {
  /** Its identifier (RFC 8414); the endpoints are `/auth`, `/token`, `/token/revocation`, `/token/introspection`. */
  readonly issuer: string;
  readonly redirectUri: string;
  /** One for each way to authenticate. */
  readonly clients: Readonly<Record<'basic' | 'post' | 'jwt', RegisteredClient>>;
  /** Faults of the token endpoint, and how often each refresh token was presented there. */
  readonly token: TokenEndpoint;
  /** Its storage: the grace period, and how many grants were revoked. */
  readonly store: AuthorizationStore;
  /** A person's way from the authorize URL to the redirect URI: gives the callback's query. */
  consent(authorizeUrl: string, decision?: Consenting): Promise<URLSearchParams>;
  /** A refresh token of a fresh grant, without any browser: for grants by the thousand. */
  grant(client: RegisteredClient, subject: string, scopes?: readonly string[]): Promise<string>;
};

const SCOPES = ['asset:download', 'license:purchase', 'asset:search'];
const DAY = 86_400;

/**
 * A real authorization server on loopback: oidc-provider with rotation of refresh tokens always, reuse detection that
 * revokes the grant, PKCE required, and a person who consents without a browser.
 *
 * @example
 * await using server = await startAuthorizationServer({ accessLife: 2 });
 * const query = await server.consent(await client.authorizeUrl(request));
 * server.token.inject('drop', { status: 503, headers: { 'retry-after': '7' } });
 */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions = {},
): Promise<AuthorizationServer> {
  let handler: RequestListener = (_request, response) => void response.writeHead(503).end();
  const served = await serve(
    (request, response) => void handler(request, response),
    options.tls === undefined ? {} : { tls: options.tls },
  );
  const redirectUris = options.redirectUris ?? ['http://localhost:9/callback'];
  const store = new AuthorizationStore();
  store.grace = options.grace ?? 0;
  const key = options.key ?? freshKey();
  const clients = registered(key.private);
  const provider = new Provider(served.url, configuration(options, { store, clients, redirectUris, key }));
  Object.assign(provider, { silent: true });
  const token = new TokenEndpoint();
  provider.use(token.middleware);
  const answer = provider.callback();
  handler = (request, response) => {
    if (request.url?.startsWith('/interaction/') === true) void decide(provider, request, response);
    else void answer(request, response);
  };
  return {
    issuer: served.url,
    redirectUri: redirectUris[0] ?? '',
    clients,
    token,
    store,
    consent: async (authorizeUrl, decision) => {
      const trust = options.ca === undefined ? {} : { ca: options.ca };
      return (await consent(authorizeUrl, decision, trust)).searchParams;
    },
    grant: (client, subject, scopes = options.scopes ?? SCOPES) =>
      freshGrant(provider, client, subject, scopes.join(' ')),
    [Symbol.asyncDispose]: served.close,
  };
}

function freshKey(): ClientKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { public: publicKey, private: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function registered(pem: string): AuthorizationServer['clients'] {
  // Signs that a form escapes, as they stand in secrets that people generate.
  const secret = (name: string) => `${name}-Planted+Secret/with~signs.and_100%=`;
  return {
    basic: { clientId: 'basic-client', authentication: 'client_secret_basic', secret: secret('basic') },
    post: { clientId: 'post-client', authentication: 'client_secret_post', secret: secret('post') },
    jwt: { clientId: 'jwt-client', authentication: 'private_key_jwt', secret: pem },
  };
}

type Parts = {
  readonly store: AuthorizationStore;
  readonly clients: AuthorizationServer['clients'];
  readonly redirectUris: readonly string[];
  readonly key: ClientKey;
};

function configuration(
  { scopes = SCOPES, accessLife = 3_600, refreshLife = 90 * DAY, slides = true }: AuthorizationServerOptions,
  { store, clients, redirectUris, key }: Parts,
): object {
  const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const off = { enabled: false };
  return {
    adapter: store.adapter,
    clients: Object.values(clients).map(({ clientId, authentication, secret }) => ({
      client_id: clientId,
      redirect_uris: redirectUris,
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: authentication,
      id_token_signed_response_alg: 'ES256',
      ...(authentication === 'private_key_jwt'
        ? { jwks: { keys: [{ ...key.public.export({ format: 'jwk' }), use: 'sig', kid: key.kid }] } }
        : { client_secret: secret }),
    })),
    scopes: [...scopes],
    jwks: { keys: [{ ...signing.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }] },
    cookies: { keys: ['cookies of a test'] },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    expiresWithSession: async () => false,
    clientBasedCORS: () => false,
    findAccount: async (_context: unknown, accountId: string) => ({
      accountId,
      claims: async () => ({ sub: accountId }),
    }),
    interactions: { url: async (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: accessLife,
      AuthorizationCode: 600,
      RefreshToken: (_context: unknown, token: { totalLifetime(): number }) =>
        slides ? refreshLife : Math.max(1, refreshLife - token.totalLifetime()),
      Grant: 400 * DAY,
      IdToken: 3_600,
      Interaction: 600,
      Session: 600,
    },
    features: {
      devInteractions: off,
      userinfo: off,
      rpInitiatedLogout: off,
      pushedAuthorizationRequests: off,
      dPoP: off,
      introspection: { enabled: true, allowedPolicy: async () => true },
      revocation: { enabled: true, allowedPolicy: async () => true },
    },
  };
}

/** Stands where the login and consent pages would: the header says who it is and what they think of it. */
async function decide(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const {
    subject = 'user-1',
    deny = false,
    scopes,
  }: Consenting = JSON.parse(String(request.headers[CONSENTING] ?? '{}'));
  const { params } = await provider.interactionDetails(request, response);
  if (deny) {
    const error_description = 'The person at the keyboard said no';
    return provider.interactionFinished(request, response, { error: 'access_denied', error_description });
  }
  const grant = new provider.Grant({ accountId: subject, clientId: params.client_id });
  for (const scope of params.scope?.split(' ') ?? []) {
    if (scopes === undefined || scopes.includes(scope)) grant.addOIDCScope(scope);
    else grant.rejectOIDCScope(scope);
  }
  const result = { login: { accountId: subject }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result);
}

async function freshGrant(
  provider: Provider,
  { clientId }: RegisteredClient,
  accountId: string,
  scope: string,
): Promise<string> {
  const client = await provider.Client.find(clientId);
  if (client === undefined) throw new TypeError(`no client ${clientId}`);
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId,
    client,
    grantId,
    gty: 'authorization_code',
    scope,
  });
  return token.save();
}
