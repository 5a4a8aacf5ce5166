import { type AuthorizationServer, discoveryRequest, processDiscoveryResponse } from 'oauth4webapi';
import { plaintextFault } from '../../model/fields.ts';
import { type Clock, DAY, EdgeError, type Net, type NetResponse } from '../../model/index.ts';
import { commonMeaning, type Meaning, refusal } from '../answers.ts';
import { answerTo, jsonResponse } from './transport.ts';

/** Metadata older than this is looked for again; where that fails the old one still serves. */
const KEPT = DAY;

/** Where a server is: its endpoints, or the issuer by which they are found. */
export type Whereabouts = {
  readonly issuer: string | null;
  readonly endpoints: {
    readonly authorization: string;
    readonly token: string;
    readonly revocation: string | null;
    readonly introspection: string | null;
  } | null;
};

/** What is known of a server. */
export type ServerFacts = {
  /** For oauth4webapi. Its `issuer` is empty of meaning where `issuer` is null. */
  readonly metadata: AuthorizationServer;
  readonly issuer: string | null;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string | null;
  readonly introspectionEndpoint: string | null;
};

/** RFC 8414's path first; many servers have OpenID's alone. */
const PATHS = ['oauth2', 'oidc'] as const;

export type ServerParts = {
  readonly net: Net;
  readonly clock: Clock;
  readonly allowPlaintextLoopback: boolean;
  /** Every answer, for its Date. */
  readonly heard: (answer: NetResponse) => void;
};

/** One authorization server's metadata: as configured, or discovered when it is first needed and kept for a day. */
export class Server {
  readonly #parts: ServerParts;
  readonly #issuer: string | null;
  #found: { readonly facts: ServerFacts; readonly at: number } | null = null;
  #looking: Promise<ServerFacts> | null = null;

  constructor(where: Whereabouts, parts: ServerParts) {
    this.#parts = parts;
    this.#issuer = where.endpoints === null ? where.issuer : null;
    if (where.endpoints !== null) this.#found = { facts: given(where.issuer, where.endpoints), at: 0 };
  }

  /** What is known now, without asking. */
  get known(): ServerFacts | null {
    return this.#found?.facts ?? null;
  }

  /**
   * @throws {EdgeError} never `unknown`, for no token was on the way: `discovery_failed`, or what the server's answer means
   */
  async facts(): Promise<ServerFacts> {
    const found = this.#found;
    if (this.#issuer === null && found !== null) return found.facts;
    const now = this.#parts.clock.monotonic();
    if (found !== null && now - found.at < KEPT) return found.facts;
    this.#looking ??= this.#look(new URL(this.#issuer ?? '')).finally(() => {
      this.#looking = null;
    });
    if (found === null) return this.#looking;
    // Nobody waits for it, and where it fails it is tried again in a day.
    this.#found = { facts: found.facts, at: now };
    this.#looking.catch(() => undefined);
    return found.facts;
  }

  async #look(issuer: URL): Promise<ServerFacts> {
    const faults: EdgeError[] = [];
    for (const algorithm of PATHS) {
      const facts = await this.#ask(issuer, algorithm).catch((error: unknown) =>
        faults.push(nothingSent(error)),
      );
      if (typeof facts === 'object') {
        this.#found = { facts, at: this.#parts.clock.monotonic() };
        return facts;
      }
    }
    // What may pass by itself comes before what a person must look into.
    const worst = faults.find(({ failure }) => failure.verdict === 'retryable') ?? faults[0];
    throw worst ?? new TypeError('no path was asked');
  }

  async #ask(issuer: URL, algorithm: (typeof PATHS)[number]): Promise<ServerFacts> {
    const { net, clock, heard, allowPlaintextLoopback } = this.#parts;
    const answer = await answerTo(net, null, (options) =>
      discoveryRequest(issuer, { algorithm, ...options }),
    );
    heard(answer);
    const target = `the metadata of ${issuer.href}`;
    if (answer.status === 429 || answer.status >= 500) {
      throw refusal(issuer.host, target, answer, meaningOf(answer.status), clock.now());
    }
    if (answer.status !== 200) throw unusable(target, `it answered ${answer.status}`);
    let metadata: AuthorizationServer;
    try {
      metadata = await processDiscoveryResponse(issuer, jsonResponse(answer.body.toString()));
    } catch {
      throw unusable(target, 'it is no JSON object with this issuer (RFC 8414, 3.3)');
    }
    return checked(metadata, target, allowPlaintextLoopback);
  }
}

function given(issuer: string | null, at: NonNullable<Whereabouts['endpoints']>): ServerFacts {
  return {
    metadata: {
      issuer: issuer ?? new URL(at.authorization).origin,
      authorization_endpoint: at.authorization,
      token_endpoint: at.token,
      ...(at.revocation === null ? {} : { revocation_endpoint: at.revocation }),
      ...(at.introspection === null ? {} : { introspection_endpoint: at.introspection }),
    },
    issuer,
    authorizationEndpoint: at.authorization,
    tokenEndpoint: at.token,
    revocationEndpoint: at.revocation,
    introspectionEndpoint: at.introspection,
  };
}

function checked(
  metadata: AuthorizationServer,
  target: string,
  allowPlaintextLoopback: boolean,
): ServerFacts {
  const endpoint = (name: string, required: boolean): string | null => {
    const value = metadata[name];
    if (value === undefined && !required) return null;
    const url = typeof value === 'string' ? URL.parse(value) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) throw unusable(target, `it has no usable ${name}`);
    const fault = plaintextFault(url.href, allowPlaintextLoopback);
    if (fault !== null) throw unusable(target, `${name}: ${fault}`);
    return url.href;
  };
  return {
    metadata,
    issuer: metadata.issuer,
    authorizationEndpoint: endpoint('authorization_endpoint', true) ?? '',
    tokenEndpoint: endpoint('token_endpoint', true) ?? '',
    revocationEndpoint: endpoint('revocation_endpoint', false),
    introspectionEndpoint: endpoint('introspection_endpoint', false),
  };
}

/** No token is at stake: what fails can be asked again. */
function meaningOf(status: number): Meaning {
  if (status === 429 || status === 503) return commonMeaning(status);
  return ['server_error', 'retryable', 'it has a fault; trying again'];
}

function unusable(target: string, what: string): EdgeError {
  return new EdgeError({
    code: 'discovery_failed',
    verdict: 'permanent',
    message: `${target} cannot be used: ${what}; check issuer, or name authorizationEndpoint and tokenEndpoint`,
  });
}

/** Whatever became of a question for metadata: no token was presented. */
function nothingSent(error: unknown): EdgeError {
  if (!(error instanceof EdgeError)) throw error;
  const { failure } = error;
  return failure.verdict === 'unknown' ? new EdgeError({ ...failure, verdict: 'retryable' }) : error;
}
