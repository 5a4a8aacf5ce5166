import {
  type AuthorizationServer,
  authorizationCodeGrantRequest,
  type ClientAuth,
  introspectionRequest,
  processIntrospectionResponse,
  refreshTokenGrantRequest,
  revocationRequest,
} from 'oauth4webapi';
import {
  type Clock,
  EdgeError,
  type Net,
  type NetResponse,
  type PluginContext,
  SECOND,
  Secret,
} from '../../model/index.ts';
import { refusal, unusableAnswer } from '../answers.ts';
import type {
  ConsentRequest,
  OAuthClient,
  OAuthClientSettings,
  SeenClock,
  TokenAnswer,
} from '../contract.ts';
import { seenClock } from '../seen-clock.ts';
import { errorCode, meaningOf } from './answers.ts';
import { Authentication } from './authentication.ts';
import { checkedCallback } from './callback.ts';
import type { Oauth2Config } from './schema.ts';
import { Server, type ServerFacts, type Whereabouts } from './server.ts';
import { readTokens } from './tokens.ts';
import { answerTo, jsonResponse, type RequestOptions } from './transport.ts';

/** A refresh that was sent is worth waiting for: given up too early it leaves the grant in doubt. */
const TOKEN_DEADLINE = 30 * SECOND;

/** How one kind of authorization server differs from another. */
export type OAuthManner = {
  readonly where: Whereabouts;
  /** What divides scopes in the authorize URL; both are read. */
  readonly scopeSeparator: ' ' | ',';
  readonly allowPlaintextLoopback: boolean;
};

/** A client at any server that speaks RFC 6749. */
export function create(context: PluginContext<Oauth2Config>, settings: OAuthClientSettings): OAuthClient {
  const { config } = context;
  const { authorizationEndpoint: authorization, tokenEndpoint: token } = config;
  const endpoints =
    authorization === undefined || token === undefined
      ? null
      : {
          authorization,
          token,
          revocation: config.revocationEndpoint ?? null,
          introspection: config.introspectionEndpoint ?? null,
        };
  return new Oauth2Client(context, settings, {
    where: { issuer: config.issuer ?? null, endpoints },
    scopeSeparator: config.scopeSeparator,
    allowPlaintextLoopback: config.allowPlaintextLoopback,
  });
}

type Request = (
  parts: { readonly server: AuthorizationServer; readonly client: { client_id: string } },
  auth: ClientAuth,
  options: RequestOptions,
) => Promise<unknown>;

/** What one request is about. */
type Call = {
  readonly facts: ServerFacts;
  readonly endpoint: string;
  readonly deadlineMs: number | null;
  /** What is presented: no message may repeat it. */
  readonly secrets: readonly string[];
  readonly request: Request;
};

type Means = { readonly net: Net; readonly clock: Clock };

export class Oauth2Client implements OAuthClient {
  readonly #means: Means;
  readonly #settings: OAuthClientSettings;
  readonly #manner: OAuthManner;
  readonly #authentication: Authentication;
  readonly #server: Server;
  #seen: SeenClock | null = null;

  constructor({ net, clock }: Means, settings: OAuthClientSettings, manner: OAuthManner) {
    this.#means = { net, clock };
    this.#settings = settings;
    this.#manner = manner;
    this.#authentication = new Authentication(settings);
    const { allowPlaintextLoopback } = manner;
    this.#server = new Server(manner.where, {
      net,
      clock,
      allowPlaintextLoopback,
      heard: (answer) => this.#hear(answer),
    });
  }

  async authorizeUrl({ state, challenge, scopes }: ConsentRequest): Promise<string> {
    const { authorizationEndpoint } = await this.#server.facts();
    const url = new URL(authorizationEndpoint);
    const parameters = {
      response_type: 'code',
      client_id: this.#settings.clientId,
      redirect_uri: this.#settings.redirectUri,
      scope: scopes.join(this.#manner.scopeSeparator),
      state,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  }

  async checkCallback(query: URLSearchParams, state: string): Promise<void> {
    checkedCallback(await this.#server.facts(), this.#settings.clientId, query, state);
  }

  async exchange({ callback, verifier }: Parameters<OAuthClient['exchange']>[0]): Promise<Secret> {
    const facts = await this.#server.facts();
    const query = new URLSearchParams(callback.reveal());
    const checked = checkedCallback(facts, this.#settings.clientId, query, null);
    const { redirectUri } = this.#settings;
    return this.#tokens(facts, [checked.get('code') ?? '', verifier.reveal()], (parts, auth, options) =>
      authorizationCodeGrantRequest(
        parts.server,
        parts.client,
        auth,
        checked,
        redirectUri,
        verifier.reveal(),
        options,
      ),
    );
  }

  async refresh(token: Secret, { scopes }: Parameters<OAuthClient['refresh']>[1]): Promise<Secret> {
    const facts = await this.#server.facts();
    // RFC 6749, 6: none is the same as all.
    const additionalParameters = scopes === null ? {} : { scope: scopes.join(this.#manner.scopeSeparator) };
    return this.#tokens(facts, [token.reveal()], ({ server, client }, auth, options) =>
      refreshTokenGrantRequest(server, client, auth, token.reveal(), { ...options, additionalParameters }),
    );
  }

  async parse(answer: Secret): Promise<TokenAnswer> {
    const read = await readTokens(answer, this.#manner.scopeSeparator);
    if (read !== null) return read;
    const { tokenEndpoint = '' } = this.#server.known ?? {};
    throw unusableAnswer(...nameOf(tokenEndpoint), 'there is no token in it');
  }

  get revoke(): OAuthClient['revoke'] {
    const { known } = this.#server;
    return known !== null && known.revocationEndpoint === null ? null : (token) => this.#revoke(token);
  }

  get introspect(): OAuthClient['introspect'] {
    const { known } = this.#server;
    return known !== null && known.introspectionEndpoint === null ? null : (token) => this.#introspect(token);
  }

  seenClock(): SeenClock | null {
    return this.#seen;
  }

  async close(): Promise<void> {}

  async #revoke(token: Secret): Promise<void> {
    const facts = await this.#server.facts();
    if (facts.revocationEndpoint === null) throw noRevocation();
    const { answer, error } = await this.#send({
      facts,
      endpoint: facts.revocationEndpoint,
      deadlineMs: null,
      secrets: [token.reveal()],
      request: ({ server, client }, auth, options) =>
        revocationRequest(server, client, auth, token.reveal(), {
          ...options,
          additionalParameters: { token_type_hint: 'refresh_token' },
        }),
    });
    // RFC 7009, 2.2: a token that is not known is as good as revoked; some servers do not say so with a 200.
    const gone = ['invalid_token', 'invalid_grant'].includes(errorCode(answer) ?? '');
    if (error !== null && !gone) throw error;
  }

  async #introspect(token: Secret): Promise<number | null> {
    const facts = await this.#server.facts();
    if (facts.introspectionEndpoint === null) return null;
    const { answer, error } = await this.#send({
      facts,
      endpoint: facts.introspectionEndpoint,
      deadlineMs: null,
      secrets: [token.reveal()],
      request: ({ server, client }, auth, options) =>
        introspectionRequest(server, client, auth, token.reveal(), {
          ...options,
          additionalParameters: { token_type_hint: 'refresh_token' },
        }),
    });
    if (error !== null) throw error;
    try {
      const said = await processIntrospectionResponse(
        facts.metadata,
        { client_id: this.#settings.clientId },
        jsonResponse(answer.body.toString()),
      );
      const { active, exp } = said;
      return active && typeof exp === 'number' && exp > 0 ? Math.floor(exp * SECOND) : null;
    } catch {
      throw unusableAnswer(...nameOf(facts.introspectionEndpoint), 'it does not follow RFC 7662');
    }
  }

  /** The raw 200 of the token endpoint. */
  async #tokens(facts: ServerFacts, secrets: readonly string[], request: Request): Promise<Secret> {
    const { answer, error } = await this.#send({
      facts,
      endpoint: facts.tokenEndpoint,
      deadlineMs: TOKEN_DEADLINE,
      secrets,
      request,
    });
    if (error !== null) throw error;
    return Secret.from(answer.body);
  }

  /** The answer, and what it means where it is no success. */
  async #send({ facts, endpoint, deadlineMs, secrets, request }: Call) {
    const { net, clock } = this.#means;
    const audience = facts.issuer ?? facts.tokenEndpoint;
    const { auth, secret } = await this.#authentication.prove({ audience, now: this.#serverNow() });
    const parts = { server: facts.metadata, client: { client_id: this.#settings.clientId } };
    const answer = await answerTo(net, deadlineMs, (options) => request(parts, auth, options));
    this.#hear(answer);
    if (answer.status >= 200 && answer.status < 300) return { answer, error: null };
    const { remedy } = this.#authentication;
    const meaning = meaningOf(answer, { secrets: [...secrets, secret], remedy });
    return { answer, error: refusal(...nameOf(endpoint), answer, meaning, clock.now()) };
  }

  #hear(answer: NetResponse): void {
    this.#seen = seenClock(answer, this.#means.clock);
  }

  /** By its own clock where that is known. */
  #serverNow(): number {
    const { clock } = this.#means;
    return this.#seen === null ? clock.now() : this.#seen.date + (clock.steady() - this.#seen.steady);
  }
}

/** Whose it is, and what was called. */
function nameOf(endpoint: string): readonly [vendor: string, target: string] {
  const url = URL.parse(endpoint);
  if (url === null) return ['the authorization server', 'a token request'];
  return [url.host, `POST ${url.pathname.slice(0, 200)}`];
}

/** What was not known before its metadata was had. */
function noRevocation(): EdgeError {
  return new EdgeError({
    code: 'no_revocation_endpoint',
    verdict: 'permanent',
    message: 'nothing was sent: the server has no endpoint that revokes tokens',
  });
}
