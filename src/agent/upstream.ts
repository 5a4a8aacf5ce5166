import { secretTag } from '../api/secret.ts';
import type { UpstreamConfig } from '../config/agent/types.ts';
import {
  EdgeError,
  KeywardenError,
  type Mark,
  type Net,
  type NetResponse,
  Secret,
  type Verdict,
} from '../model/index.ts';
import type { Held } from './held.ts';

/** A value may be 1 MiB, which JSON lengthens. */
const MOST_BYTES = 2 * 1024 * 1024;

export type UpstreamOptions = {
  readonly config: UpstreamConfig;
  /** Our own: what an upstream that does not name its installation is taken to be. */
  readonly installation: string;
  readonly net: Net;
};

/** Version numbers by credential. */
export type Delivered = Readonly<Record<string, number | null>>;
/** Reasons by credential. */
export type Refused = Readonly<Record<string, string>>;

/** What is asked of one credential. */
export type Question = {
  readonly credential: string;
  /** What is held; null: nothing. */
  readonly have: Mark | null;
  /** How long the answer may wait for a newer one, ms; 0: not at all. */
  readonly wait: number;
  readonly signal: AbortSignal;
};

/**
 * The Keywarden that versions come from, by its public API. Every method throws an EdgeError and nothing else:
 * `rejected` where the token is missing, unknown or has no right, else `retryable`, `unknown` or `permanent` as a
 * connection's failures are. The token is read anew for each request.
 */
export class Upstream {
  readonly #options: UpstreamOptions;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** The current version; null where `have` still is. */
  async current({ credential, have, wait, signal }: Question): Promise<Held | null> {
    const query = wait === 0 ? '' : `?wait=${wait}ms`;
    const answer = await this.#send(
      'GET',
      `/v1/credentials/${encodeURIComponent(credential)}/secret${query}`,
      {
        headers: have === null ? {} : { 'if-none-match': secretTag(have.versionId, have.number) },
        deadlineMs: wait + this.#options.config.timeout,
        signal,
      },
    );
    if (answer.status === 304 && have !== null) return null;
    if (answer.status !== 200) throw this.#refused(answer, `does not give ${credential}`);
    return heldIn(answer, credential, this.#options);
  }

  /**
   * Says what the agent `name` has delivered, by credential; null: nothing any more. Gives what was refused, with the
   * reason; null: the upstream is too old to take it.
   */
  async report(name: string, versions: Delivered, signal: AbortSignal): Promise<Refused | null> {
    const answer = await this.#send('PUT', `/v1/agents/${name}`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ versions }),
      signal,
    });
    // A Keywarden without the route says so; any other 404 is of something between, or of a credential.
    if (answer.status === 404 && detailOf(answer)?.startsWith('there is nothing at')) return null;
    if (answer.status >= 300) throw this.#refused(answer, 'does not take the report of what is held here');
    const { refused } = objectIn(answer.body) ?? {};
    return typeof refused === 'object' && refused !== null ? (refused as Refused) : {};
  }

  async #send(
    method: 'GET' | 'PUT',
    path: string,
    {
      headers,
      ...rest
    }: {
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly deadlineMs?: number;
      readonly signal: AbortSignal;
    },
  ): Promise<NetResponse> {
    const { net, config } = this.#options;
    return net.request({
      method,
      url: `${config.url}${path}`,
      maxBytes: MOST_BYTES,
      headers: { accept: 'application/json', ...headers, authorization: `Bearer ${await this.#token()}` },
      ...rest,
    });
  }

  async #token(): Promise<string> {
    const { token } = this.#options.config;
    let text: string;
    try {
      text = (await token.read()).reveal().trim();
    } catch (error) {
      if (!(error instanceof KeywardenError)) throw error;
      throw refusal('token_unavailable', 'rejected', `upstream.token: ${error.message}`);
    }
    if (/^[\x21-\x7e]+$/.test(text)) return text;
    throw refusal(
      'token_unavailable',
      'rejected',
      `upstream.token: the ${token.where} holds no token: one line of visible ASCII without blanks`,
    );
  }

  #refused(answer: NetResponse, what: string): EdgeError {
    const { url, token } = this.#options.config;
    const said = detailOf(answer);
    const told = `the upstream ${url} ${what} (HTTP ${answer.status})${said === null ? '' : `: ${said}`}`;
    switch (answer.status) {
      case 401:
        return refusal(
          'upstream_refused',
          'rejected',
          `${told}; put a token of the upstream's api.tokens, with role: app, into the ${token.where}`,
        );
      case 403:
        return refusal(
          'upstream_refused',
          'rejected',
          `${told}; add it to the credentials of this token in the upstream's api.tokens`,
        );
      case 404:
        return refusal('upstream_without', 'retryable', told);
      default:
        return refusal('upstream_failed', 'retryable', told, retryAfter(answer));
    }
  }
}

function refusal(code: string, verdict: Verdict, message: string, retryAfterMs?: number): EdgeError {
  return new EdgeError({
    code,
    verdict,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What a Keywarden says is wrong; what anybody else answers is not quoted. */
function detailOf({ headers, body }: NetResponse): string | null {
  if (!headers['content-type']?.startsWith('application/problem+json')) return null;
  const { type, detail } = objectIn(body) ?? {};
  const ours = typeof type === 'string' && type.startsWith('urn:keywarden:problem:');
  if (!ours || typeof detail !== 'string') return null;
  return detail.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 300);
}

/** In seconds (RFC 9110, 10.2.3). */
function retryAfter({ headers }: NetResponse): number | undefined {
  const text = headers['retry-after'] ?? '';
  return /^\d{1,5}$/.test(text) ? Number(text) * 1_000 : undefined;
}

function objectIn(body: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The answer of `GET …/secret`. @throws {EdgeError} `bad_answer`, which quotes nothing of it */
function heldIn(answer: NetResponse, credential: string, options: UpstreamOptions): Held {
  const { value, ...view } = objectIn(answer.body) ?? {};
  const { id, version: number, keyId, createdAt, installation = options.installation } = view;
  const made = typeof createdAt === 'string' ? Date.parse(createdAt) : Number.NaN;
  if (
    typeof value !== 'string' ||
    value === '' ||
    typeof id !== 'string' ||
    !/^[\w.:-]{1,100}$/.test(id) ||
    !Number.isSafeInteger(number) ||
    typeof installation !== 'string' ||
    Number.isNaN(made) ||
    (keyId !== null && typeof keyId !== 'string') ||
    view.name !== credential
  ) {
    const { url } = options.config;
    throw refusal(
      'bad_answer',
      'retryable',
      `what ${url} answers for ${credential} is no version of it; does upstream.url name a Keywarden?`,
    );
  }
  return {
    value: Secret.from(value),
    mark: { installation, credential, number: number as number, versionId: id, keyId, createdAt: made },
    view,
  };
}
