import type { IncomingHttpHeaders } from 'node:http';
import type { RequestOptions } from 'node:https';
import { TOKENS, type TokenName } from './world.ts';

export type Call = {
  readonly method?: string;
  readonly token?: TokenName;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly ca?: string;
};

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as a JSON object; empty where it is none. */
  readonly json: Readonly<Record<string, unknown>>;
};

/** One exchange over a connection of its own; `address` as the API gives it. */
export function call(address: string, path: string, options: Call = {}): Promise<Answer> {
  const { method = 'GET', token, headers = {}, body, ca } = options;
  const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const sent = raw ? body : JSON.stringify(body);
  const where: RequestOptions = address.startsWith('unix:')
    ? { socketPath: address.slice(5), host: 'localhost' }
    : { host: new URL(address).hostname.replace(/^\[|\]$/g, ''), port: new URL(address).port };
  const { request } = process.getBuiltinModule(address.startsWith('https:') ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...where,
        path,
        method,
        agent: false,
        ca,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${TOKENS[token]}` }),
          ...(sent === undefined || 'transfer-encoding' in headers
            ? {}
            : { 'content-length': Buffer.byteLength(sent) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: jsonOf(text) });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(sent);
  });
}

function jsonOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
