import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import type { ApiConfig, Listen } from '../config/types.ts';
import { KeywardenError, type Log } from '../model/index.ts';
import { StateError } from '../state/contract.ts';
import { authenticate, authorize } from './auth.ts';
import { readBody } from './body.ts';
import { assertHost } from './host.ts';
import { listen } from './listen.ts';
import { badRequest, Problem } from './problem.ts';
import { type Answer, match, type Route } from './router.ts';

/** A listener that answers; `address` is where it can be reached. */
export type Listener = {
  readonly address: string;
  /**
   * Reads what these rules name; the function that it returns answers by them, from the next request on.
   * @throws {KeywardenError} `tls_unusable`
   */
  prepare(next: Pick<ServeOptions, 'api' | 'routes'>): () => void;
  /** Answers from other routes by the rules in force, from the next request on; nothing is read. */
  answer(routes: readonly Route[]): void;
  close(): Promise<void>;
};

export type ServeOptions = {
  readonly api: ApiConfig;
  readonly listen: Listen;
  readonly routes: readonly Route[];
  /** Tokens are not asked for: the probes' listener. */
  readonly open: boolean;
  readonly log: Log;
  /** Wall time, ms: the Date of every answer, by which its times are to be read. */
  readonly now: () => number;
};

/** How long a stop waits for answers under way, ms. */
const CLOSE_WITHIN = 1_000;

/**
 * Listens and answers with `routes`.
 * @throws {KeywardenError} `port_taken`, `cannot_listen`, `tls_unusable`
 */
export async function serve(options: ServeOptions): Promise<Listener> {
  const stopping = new AbortController();
  let current = options;
  const server = createServer(
    options,
    (request, response) => void respond(current, request, response, stopping.signal),
  );
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  await listen(server, options.listen);
  return {
    address: addressOf(server, options),
    prepare: (next) => {
      const certificate = certificateOf(next.api, options.open);
      return () => {
        current = { ...options, ...next };
        if (certificate !== null && 'setSecureContext' in server)
          (server as TlsServer).setSecureContext(certificate);
      };
    },
    answer: (routes) => {
      current = { ...current, routes };
    },
    close: () => {
      stopping.abort();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN).unref();
      });
    },
  };
}

/** `node:http` is fetched at run time: a static import of it costs 16 MB of memory. */
function createServer(
  { api, open }: ServeOptions,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const certificate = certificateOf(api, open);
  return certificate === null
    ? process.getBuiltinModule('node:http').createServer(handle)
    : process.getBuiltinModule('node:https').createServer(certificate, handle);
}

/** Null where the listener speaks no TLS. @throws {KeywardenError} `tls_unusable` */
function certificateOf({ tls }: ApiConfig, open: boolean): SecureContextOptions | null {
  if (tls === null || open) return null;
  const { certFile, keyFile } = tls;
  try {
    const certificate = {
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      minVersion: 'TLSv1.2' as const,
    };
    process.getBuiltinModule('node:tls').createSecureContext(certificate);
    return certificate;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw new KeywardenError(
      'tls_unusable',
      `api.tls: ${certFile} and ${keyFile} cannot be used${code}; both must be readable PEM and belong together`,
    );
  }
}

function addressOf(server: Server, { api, listen: where, open }: ServeOptions): string {
  if (where.kind === 'unix') return `unix:${where.path}`;
  const { port } = server.address() as AddressInfo;
  const host = where.host.includes(':') ? `[${where.host}]` : where.host;
  return `${api.tls === null || open ? 'http' : 'https'}://${host}:${port}`;
}

async function respond(
  options: ServeOptions,
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  // One that was answered in full has nobody left who listens, and an abort costs more than most answers.
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  try {
    const answer = await handle(options, request, AbortSignal.any([gone.signal, stopping]));
    send(response, answer, request.method === 'HEAD', options.now());
  } catch (error) {
    // A client that left in the middle of its request is nobody's fault, and nobody is there to be told.
    if (!gone.signal.aborted)
      send(response, problemAnswer(error, options.log), request.method === 'HEAD', options.now());
  }
}

async function handle(options: ServeOptions, request: IncomingMessage, signal: AbortSignal): Promise<Answer> {
  const { api, log, open, routes } = options;
  assertHost(request.headers.host, options);
  const { path, query } = targetOf(request.url ?? '/');
  const { route, params } = match(routes, request.method ?? 'GET', withoutPrefix(path, api.publicUrl));
  const caller =
    open || route.roles === null ? null : await authenticate(request.headers.authorization, api, log);
  if (caller !== null && route.roles !== null) authorize(caller, route.roles);
  const body = await readBody(request, route.bodyLimit);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
  return route.handle({ params, query, headers, body, caller, signal });
}

/**
 * Path and query as they came: a URL would take a subject that is named `..` for a step up.
 * @throws {Problem} 400
 */
function targetOf(target: string): { readonly path: string; readonly query: URLSearchParams } {
  if (target.startsWith('/')) {
    const [path = '', ...query] = target.split('?');
    return { path, query: new URLSearchParams(query.join('?')) };
  }
  const url = URL.parse(target);
  if (url === null) throw badRequest('the request target is no path');
  return { path: url.pathname, query: url.searchParams };
}

/** A proxy in front may pass the path of `publicUrl` on. */
function withoutPrefix(path: string, publicUrl: string | null): string {
  const prefix = publicUrl === null ? '' : new URL(publicUrl).pathname.replace(/\/$/, '');
  return prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}

function problemOf(error: unknown, log: Log): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StateError && error.code === 'bad_cursor') return badRequest(error.message);
  log.error({ error }, 'a request failed');
  return new Problem(500, 'internal', 'the request failed inside Keywarden; its log has the details');
}

function problemAnswer(error: unknown, log: Log): Answer {
  const problem = problemOf(error, log);
  return {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', ...problem.headers },
    body: JSON.stringify(problem.document()),
  };
}

function send(response: ServerResponse, answer: Answer, head: boolean, now: number): void {
  if (response.headersSent || response.destroyed) return;
  const json = typeof answer.body === 'object';
  const body = json ? JSON.stringify(answer.body) : ((answer.body as string | undefined) ?? '');
  response.writeHead(answer.status, {
    date: new Date(now).toUTCString(),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // A 304 would say here how long the answer is that it saves (RFC 9110, 8.6).
    ...(answer.status === 304 ? {} : { 'content-length': Buffer.byteLength(body) }),
    ...(json ? { 'content-type': 'application/json' } : {}),
    ...answer.headers,
  });
  response.end(head ? undefined : body);
}
