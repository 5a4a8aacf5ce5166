import { allowInsecureRequests, customFetch } from 'oauth4webapi';
import { EdgeError, type Net, type NetRequest, type NetResponse } from '../../model/index.ts';

/** Metadata and errors are small; what holds tokens is never to be lost for its length. */
const MOST_BYTES = 512 * 1024;

/** What oauth4webapi is given with every request it makes. */
export type RequestOptions = {
  readonly [customFetch]: (
    url: string,
    request: {
      readonly method: string;
      readonly headers: Record<string, string>;
      readonly body: URLSearchParams | undefined;
    },
  ) => Promise<Response>;
  /** Whether plain http is right is for the connection to say: on loopback where that is allowed. */
  readonly [allowInsecureRequests]: true;
};

/**
 * The answer to the one request that `make` has oauth4webapi build: sent over `net`, redirects not followed, and given back
 * as it came. The library's own reading of it is not used: it throws on content types, on challenges in WWW-Authenticate
 * and on what it cannot parse, with the answer, tokens and all, in its errors.
 *
 * @throws {EdgeError} what `net` throws; `bad_request`, permanent, where the library refused to build it: nothing was sent
 */
export async function answerTo(
  net: Net,
  deadlineMs: number | null,
  make: (options: RequestOptions) => Promise<unknown>,
): Promise<NetResponse> {
  const answers: NetResponse[] = [];
  const keep: RequestOptions[typeof customFetch] = async (url, { method, headers, body }) => {
    // Its name for itself is no business of the server's.
    const { 'user-agent': _agent, ...rest } = headers;
    const answer = await net.request({
      method: method as NetRequest['method'],
      url,
      headers: rest,
      maxBytes: MOST_BYTES,
      ...(body === undefined ? {} : { body: body.toString() }),
      ...(deadlineMs === null ? {} : { deadlineMs }),
    });
    answers.push(answer);
    return new Response(null);
  };
  try {
    await make({ [customFetch]: keep, [allowInsecureRequests]: true });
  } catch (error) {
    if (error instanceof EdgeError) throw error;
    // Its errors can hold the request: only what it calls them is told.
    throw new EdgeError({
      code: 'bad_request',
      verdict: 'permanent',
      message: `an OAuth request was not sent: it could not be built${codeIn(error)}; check the client's configuration`,
    });
  }
  const [answer] = answers;
  if (answer === undefined) throw new TypeError('oauth4webapi sent no request');
  return answer;
}

function codeIn(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' && /^[A-Z_]{1,64}$/.test(error.code) ? ` (${error.code})` : '';
}

/** A 200 as oauth4webapi wants it: a body read once before, or of another content type, it does not take. */
export function jsonResponse(body: string): Response {
  return new Response(body, { status: 200, headers: { 'content-type': 'application/json' } });
}
