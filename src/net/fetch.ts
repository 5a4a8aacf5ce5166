import type { Request, RequestInit, Response } from 'undici';
import { EdgeError, type Net, type NetRequest, type NetResponse } from '../model/index.ts';
import { refusal } from './faults.ts';

const METHODS: readonly string[] = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
] satisfies NetRequest['method'][];
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** Statuses with which a Response refuses a body (Fetch, "null body status"). */
const BODILESS: readonly number[] = [204, 205, 304];

/**
 * The standard `fetch` over `send`, so that a vendor's client is under the same rules as everything else.
 * The whole answer is read before it is handed out. A redirect throws, save with `redirect: 'manual'`.
 * Failures are EdgeErrors; only a call called off by its own signal throws that signal's reason, as the standard says.
 * Messages show the host and never the path: a webhook's URL is a secret.
 */
export function fetchOver(send: (request: NetRequest) => Promise<NetResponse>): Net['fetch'] {
  const over = async (input: string | URL, init?: RequestInit) => {
    const request = await read(input, init);
    let answer: NetResponse;
    try {
      answer = await send(request);
    } catch (error) {
      if (error instanceof EdgeError && error.code === 'aborted') request.signal?.throwIfAborted();
      throw error;
    }
    const { host } = new URL(request.url);
    const target = `${request.method} ${host}`;
    if (REDIRECTS.includes(answer.status) && init?.redirect !== 'manual') {
      throw refusal(
        'redirected',
        target,
        `the service answered ${answer.status}, a redirect; name the final address`,
      );
    }
    if (answer.status > 599) throw refusal('bad_response', target, `no status ${answer.status} exists`);
    return respond(answer);
  };
  return over as unknown as Net['fetch'];
}

async function read(input: string | URL, init: RequestInit | undefined): Promise<NetRequest> {
  const { Request } = await standard();
  let request: Request;
  try {
    request = new Request(input, init);
  } catch {
    // The original's message quotes the address.
    throw refusal(
      'invalid_request',
      'a request by fetch',
      'its address or a header has a form that HTTP forbids',
    );
  }
  if (!METHODS.includes(request.method)) {
    throw refusal('invalid_request', 'a request by fetch', 'its method is not supported');
  }
  return {
    method: request.method as NetRequest['method'],
    url: request.url,
    headers: Object.fromEntries(request.headers),
    signal: request.signal,
    ...(request.body === null ? {} : { body: new Uint8Array(await request.arrayBuffer()) }),
  };
}

async function respond(answer: NetResponse): Promise<Response> {
  const { Response } = await standard();
  // They told of the bytes as they came; the body is decompressed by now.
  const { 'content-encoding': _encoding, 'content-length': _length, ...headers } = answer.headers;
  const body = BODILESS.includes(answer.status) ? null : new Uint8Array(answer.body);
  return new Response(body, { status: answer.status, headers });
}

/** Loaded with the first call. In this order: a Request with a body needs what the other file registers. */
async function standard(): Promise<{ Request: typeof Request; Response: typeof Response }> {
  const { Response } = await import('undici/lib/web/fetch/response.js');
  const { Request } = await import('undici/lib/web/fetch/request.js');
  return { Request, Response };
}
