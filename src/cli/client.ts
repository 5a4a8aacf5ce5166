import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { CommandError, EXIT } from './exit.ts';
import { printable } from './terminal.ts';

/** Where a daemon listens, and what its certificate is checked against. */
export type Endpoint = {
  /** For messages: `https://127.0.0.1:7300` or `unix:/run/keywarden.sock`. */
  readonly address: string;
  /** `tcp`: the URL below which the API lies; `unix`: the socket's path. */
  readonly at: { readonly kind: 'tcp'; readonly url: URL } | { readonly kind: 'unix'; readonly path: string };
  /** Null: without TLS. */
  readonly tls: RequestOptions | null;
};

/** What may be said to the API. */
export type Call = {
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole exchange, ms. */
  readonly deadlineMs?: number;
  /** Ends the exchange; what it throws then is of no meaning. */
  readonly signal?: AbortSignal;
};

const DEADLINE = 15_000;
const LONGEST_ANSWER = 16 * 1024 * 1024;

type Answer = {
  readonly date: string;
  readonly status: number;
  readonly type: string;
  readonly etag: string;
  readonly text: string;
};

/** A running daemon's API, as far as the command line needs it. Node's own client: it is loaded in a few ms. */
export class Client {
  readonly #endpoint: Endpoint;
  readonly #token: string;
  #now: number | null = null;

  constructor(endpoint: Endpoint, token: string) {
    this.#endpoint = endpoint;
    this.#token = token;
  }

  /** Wall time by the daemon's clock when it last answered, ms: what its times are shown against. */
  get now(): number {
    if (this.#now === null) throw new TypeError('the daemon has not answered yet');
    return this.#now;
  }

  /** @throws {CommandError} as {@link Client.post} */
  get<T>(path: string, call: Call = {}): Promise<T> {
    return this.#call('GET', path, call);
  }

  /**
   * The answer's JSON.
   * @throws {CommandError} `unreachable` where no daemon answers, `refused` where it says no, `usage` where it cannot read
   * what was asked, else `failed`
   */
  post<T>(path: string, call: Call = {}): Promise<T> {
    return this.#call('POST', path, call);
  }

  /** @throws {CommandError} as {@link Client.post} */
  delete<T>(path: string): Promise<T> {
    return this.#call('DELETE', path, {});
  }

  /**
   * The answer's JSON with its ETag; null where it is still the one of `etag`.
   * @throws {CommandError} as {@link Client.post}
   */
  async getIfNew<T>(
    path: string,
    etag: string | null,
    call: Call = {},
  ): Promise<{ readonly document: T; readonly etag: string } | null> {
    const headers = etag === null ? {} : { 'if-none-match': etag };
    const answer = await this.#exchange('GET', path, { ...call, headers: { ...headers, ...call.headers } });
    return answer.status === 304 ? null : { document: this.#read<T>(answer), etag: answer.etag };
  }

  /** Whether this text is the token. */
  isToken(text: string | undefined): boolean {
    return text === this.#token;
  }

  async #call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, call: Call): Promise<T> {
    return this.#read<T>(await this.#exchange(method, path, call));
  }

  #read<T>(answer: Answer): T {
    const document = parse(answer);
    this.#now = Date.parse(answer.date);
    if (document === null) {
      throw new CommandError(
        EXIT.unreachable,
        `what answers at ${this.#endpoint.address} is no Keywarden (HTTP ${answer.status}, not JSON); check the address`,
      );
    }
    if (answer.status < 400) return document as T;
    throw problem(answer.status, document);
  }

  async #exchange(method: string, path: string, call: Call): Promise<Answer> {
    const { at, tls } = this.#endpoint;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const deadline = AbortSignal.timeout(call.deadlineMs ?? DEADLINE);
    const { request } = process.getBuiltinModule(tls === null ? 'node:http' : 'node:https');
    const headers = {
      authorization: `Bearer ${this.#token}`,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    };
    const signal = call.signal === undefined ? deadline : AbortSignal.any([deadline, call.signal]);
    const options = { method, headers, signal, agent: false, ...tls };
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const take = (response: IncomingMessage) => readAll(response).then(resolve, reject);
        const outgoing =
          at.kind === 'unix'
            ? request({ ...options, socketPath: at.path, path, host: 'localhost' }, take)
            : request(at.url, { ...options, path: at.url.pathname.replace(/\/$/, '') + path }, take);
        outgoing.once('error', reject);
        outgoing.end(body);
      });
    } catch (error) {
      throw unreachable(this.#endpoint, error, deadline.aborted);
    }
  }
}

async function readAll(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LONGEST_ANSWER) throw new RangeError('too long');
  }
  return {
    date: response.headers.date ?? '',
    status: response.statusCode ?? 0,
    type: response.headers['content-type'] ?? '',
    etag: response.headers.etag ?? '',
    text: Buffer.concat(chunks).toString('utf8'),
  };
}

function parse({ type, text }: Answer): Readonly<Record<string, unknown>> | null {
  if (!/^application\/(problem\+)?json/.test(type)) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const REFUSED = new Set([401, 403, 404, 409]);

function problem(status: number, document: Readonly<Record<string, unknown>>): CommandError {
  const detail = printable(typeof document.detail === 'string' ? document.detail : `HTTP ${status}`);
  if (status === 400) return new CommandError(EXIT.usage, detail);
  return new CommandError(REFUSED.has(status) ? EXIT.refused : EXIT.failed, detail);
}

/** By the codes of Node and OpenSSL; their messages are not shown. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start it with `keywarden run`, or name another address with --url',
  ENOENT:
    'there is no such socket; start the daemon with `keywarden run`, or name another address with --url',
  EACCES: 'this user may not use the socket; see api.mode and api.gid',
  ENOTFOUND: 'the name is unknown; check --url',
  EAI_AGAIN: 'the name cannot be looked up now',
  ECONNRESET: 'it cut the connection; is it being restarted, or does it expect https?',
  EPROTO: 'it does not speak TLS; is it http?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; is it http?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name; use the name it was made for in --url',
  CERT_HAS_EXPIRED: 'its certificate has expired; replace it',
  HPE_INVALID_CONSTANT: 'what answers there does not speak HTTP; check the address',
};

const UNTRUSTED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_)/;

function unreachable({ address }: Endpoint, error: unknown, late: boolean): CommandError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const untrusted = 'its certificate is not trusted; give its authority with --ca-file';
  const reason = late
    ? 'it did not answer in time; see its log'
    : (REASONS[code] ?? (UNTRUSTED.test(code) ? untrusted : `the connection failed (${code || 'no code'})`));
  return new CommandError(EXIT.unreachable, `the daemon cannot be reached at ${address}: ${reason}`);
}
