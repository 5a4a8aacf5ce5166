import type { Role } from '../config/types.ts';
import type { Caller } from './auth.ts';
import { notFound, Problem } from './problem.ts';

/** A request, as far as a route needs it. */
export type Request = {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The parsed JSON body; an empty object where there was none. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Null on routes that need no token. */
  readonly caller: Caller | null;
  /** Aborted when the client has gone or the server stops. */
  readonly signal: AbortSignal;
};

export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | object;
};

export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/v1/credentials/:name` */
  readonly path: string;
  /** For the OpenAPI document. */
  readonly summary: string;
  /** What the JSON body may have, each member as a JSON Schema; absent: nothing. */
  readonly body?: Readonly<Record<string, object>>;
  /** What the query may have, each parameter once and as a JSON Schema; absent: nothing. */
  readonly query?: Readonly<Record<string, object>>;
  /** The longest body, bytes; absent: 64 KB. */
  readonly bodyLimit?: number;
  /** A GET that has an effect, once: not answered to HEAD, which browsers and scanners of links send ahead. */
  readonly once?: true;
  /** Who may; null: anybody, without a token. */
  readonly roles: readonly Role[] | null;
  /** Left open on the probes' listener too. */
  readonly probe?: boolean;
  readonly handle: (request: Request) => Promise<Answer>;
};

export type Match = { readonly route: Route; readonly params: Readonly<Record<string, string>> };

/** Who asks, on a route that wants a token. */
export function callerOf({ caller }: Request): Caller {
  if (caller === null) throw new TypeError('this route is reached with a token only');
  return caller;
}

/**
 * Finds the route. HEAD is answered as GET, where that has no effect.
 * @throws {Problem} 404 for an unknown path, 405 with Allow for a known one
 */
export function match(routes: readonly Route[], method: string, path: string): Match {
  const allowed: string[] = [];
  const given = path.split('/');
  for (const route of routes) {
    const params = paramsOf(partsOf(route.path), given);
    if (params === null) continue;
    const methods = route.method === 'GET' && route.once !== true ? ['GET', 'HEAD'] : [route.method];
    if (methods.includes(method)) return { route, params };
    allowed.push(...methods);
  }
  if (allowed.length === 0) throw notFound(`there is nothing at ${printable(path)}; see GET /openapi.json`);
  throw new Problem(405, 'method-not-allowed', `${printable(path)} takes ${allowed.join(', ')}`, {
    headers: { allow: allowed.join(', ') },
  });
}

const patterns = new Map<string, readonly string[]>();

/** The parts of a route's path, taken apart once. */
function partsOf(pattern: string): readonly string[] {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  const parts = pattern.split('/');
  patterns.set(pattern, parts);
  return parts;
}

function paramsOf(wanted: readonly string[], given: readonly string[]): Record<string, string> | null {
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (!part.startsWith(':')) {
      if (part !== value) return null;
    } else {
      const decoded = decode(value);
      if (decoded === null || decoded === '') return null;
      params[part.slice(1)] = decoded;
    }
  }
  return params;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function printable(path: string): string {
  return path.replace(/[^\x21-\x7e]/g, '?').slice(0, 200);
}
