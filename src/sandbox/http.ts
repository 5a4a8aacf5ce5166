import type { IncomingHttpHeaders, IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { plainAddress } from './networks.ts';
import type { TlsMaterial } from './tls.ts';

/** One request, read to its end. */
export type Call = {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body was larger than the service takes; `body` is then empty. */
  readonly tooLarge: boolean;
  readonly remoteAddress: string;
  /** Where a `delay` fault holds the request in process; resolves at once otherwise. */
  readonly pause: () => Promise<void>;
  /** Set by a `wrong-key-form` fault: the value that a mint shall give out. */
  readonly mintAs: string | null;
};

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A stand-in's whole behaviour. */
export type Handler = (call: Call) => Reply | Promise<Reply>;

export type Listener = { readonly port: number; close(): Promise<void> };

/** Listens on `host`; TLS 1.2 or later where there is material, else plaintext. */
export async function listen(options: {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | null;
  readonly onRequest: RequestListener;
}): Promise<Listener> {
  const server = makeServer(options.tls, options.onRequest);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function makeServer(tls: TlsMaterial | null, onRequest: RequestListener): Server {
  // A server that gives up idle connections races with a client that reuses one: the client sees a failure nobody injected.
  const quiet = { keepAliveTimeout: 0 };
  if (tls === null) return process.getBuiltinModule('node:http').createServer(quiet, onRequest);
  const { cert, key } = tls;
  const { createServer } = process.getBuiltinModule('node:https');
  return createServer({ ...quiet, cert, key, minVersion: 'TLSv1.2' }, onRequest);
}

/** Reads the whole request. Null where the client went away before its end. */
export async function readCall(request: IncomingMessage, maxBytes: number): Promise<Call | null> {
  const body = await readBody(request, maxBytes);
  const url = URL.parse(request.url ?? '/', 'http://sandbox');
  if (body === null || url === null) return null;
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body: body.bytes,
    tooLarge: body.tooLarge,
    remoteAddress: plainAddress(request.socket.remoteAddress),
    pause: () => Promise.resolve(),
    mintAs: null,
  };
}

function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ bytes: Buffer; tooLarge: boolean } | null> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) chunks = [];
      else chunks.push(chunk);
    });
    request.once('end', () => resolve({ bytes: Buffer.concat(chunks), tooLarge: size > maxBytes }));
    request.once('close', () => resolve(null));
    request.once('error', () => resolve(null));
  });
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/** A plain text answer. */
export function text(status: number, body: string): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

/** The JSON object in a request's body; null where it is none. */
export function objectIn(body: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The token of `Authorization: Bearer …`; null where there is none. */
export function bearerToken(call: Call): string | null {
  return /^Bearer +(\S+) *$/i.exec(call.headers.authorization ?? '')?.[1] ?? null;
}
