import { onTestFinished } from 'vitest';
import { type SandboxOptions, startSandbox } from '../index.ts';

export const SECOND = 1_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const START = Date.UTC(2026, 9, 1, 9);

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as a JSON object; empty where it is none. */
  readonly json: Readonly<Record<string, unknown>>;
};

export type Request = {
  readonly method?: string;
  /** Sent as a bearer token. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Aborted: the client gives up. */
  readonly signal?: AbortSignal;
  /** Give up once so many bytes have come. */
  readonly maxBytes?: number;
};

/** A sandbox on a clock that the test turns, closed at the test's end. */
export async function world(options: SandboxOptions = {}) {
  const clock = { now: START };
  const sandbox = await startSandbox({ now: () => clock.now, ...options });
  onTestFinished(() => sandbox.close());
  const { frameflow } = sandbox;
  const call = (url: string, request: Request = {}) => send(sandbox.ca, url, request);
  return {
    sandbox,
    call,
    advance(ms: number) {
      clock.now += ms;
    },
    search: (key: string = frameflow.firstKey.value, request: Request = {}) =>
      call(`${frameflow.url}/v1/assets/search?q=snow`, { key, ...request }),
    rotate: (key: string = frameflow.firstKey.value, request: Request = {}) =>
      call(`${frameflow.url}/v1/auth/rotate`, { method: 'POST', key, ...request }),
    readLog: (query = '', key: string = frameflow.firstKey.value) =>
      call(`${frameflow.url}/v1/auth/logs${query}`, { key }),
    admin: (method: string, path: string, body?: unknown, headers = {}) =>
      call(`${sandbox.adminUrl}${path}`, { method, body, headers }),
  };
}

export type World = Awaited<ReturnType<typeof world>>;

/** A real request over a connection of its own. Rejects as node's client does. */
export function send(ca: string, url: string, request: Request): Promise<Answer> {
  const body =
    request.body === undefined || typeof request.body === 'string' || request.body instanceof Uint8Array
      ? request.body
      : JSON.stringify(request.body);
  const headers = {
    ...(request.key === undefined ? {} : { authorization: `Bearer ${request.key}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...request.headers,
  };
  const { signal, method = 'GET' } = request;
  const { request: open } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const outgoing = open(url, { method, headers, ca, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (request.maxBytes !== undefined && size > request.maxBytes) {
          outgoing.destroy(new Error(`more than ${request.maxBytes} bytes came`));
        }
      });
      response.once('error', reject);
      response.once('end', () => resolve(answer(response.statusCode ?? 0, response.headers, chunks)));
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function answer(status: number, headers: Answer['headers'], chunks: readonly Buffer[]): Answer {
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return { status, headers, text, json: JSON.parse(text) as Record<string, unknown> };
  } catch {
    return { status, headers, text, json: {} };
  }
}

/** A text field of an answer, as it is needed in a further request. */
export function field(answer: Answer, name: string): string {
  return String(answer.json[name]);
}

/** The events of a page of the log. */
export function eventsOf(answer: Answer): ReadonlyArray<Readonly<Record<string, unknown>>> {
  return answer.json.events as ReadonlyArray<Readonly<Record<string, unknown>>>;
}
