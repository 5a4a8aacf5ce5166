import { isIP } from 'node:net';
import type { Dispatcher } from 'undici';
import {
  type Net,
  type NetOptions,
  type NetRequest,
  type NetResponse,
  plaintextFault,
} from '../model/index.ts';
import { guardedLookup, isRefused, normalizeAllow, type Resolve } from './addresses.ts';
import { ACCEPT_ENCODING } from './body.ts';
import { type Call, exchange } from './exchange.ts';
import { describe, fault, refusal, refusedAddress } from './faults.ts';
import { fetchOver } from './fetch.ts';
import { loadTrust, type Trust } from './trust.ts';

export type CreateNetOptions = NetOptions & {
  /** The paths of this connection's addresses are secrets (a webhook's URL): no message shows them. `fetch` never does. */
  readonly secretPath?: boolean;
  /** By Node's own client, which costs less memory; with a proxy it has no effect. */
  readonly frugal?: boolean;
  /** How many requests may be on their way to one host at once. Default 8. */
  readonly connections?: number;
  /** Stands in for `dns.lookup`. */
  readonly resolve?: Resolve;
};

const DEFAULT_MAX_BYTES = 64 * 1024;
/** A vendor's client cannot name a cap of its own; a stored secret may be 1 MiB, which base64 and JSON lengthen. */
const FETCH_MAX_BYTES = 2 * 1024 * 1024;

/**
 * A connection to one configured service under the rules that {@link Net} states. `caFile` is read at once.
 *
 * @example
 * const net = createNet({ timeoutMs: 10_000, allowPlaintextLoopback: false, allow: [], caFile: '/etc/ca.pem' });
 * const { status } = await net.request({ method: 'GET', url: 'https://api.example.com/v1/ping' });
 * @throws {EdgeError} `ca_file` where the file cannot be read or holds no certificate
 */
export function createNet(options: CreateNetOptions): Net {
  return netWith(options, loadTrust(options.caFile));
}

function netWith(options: CreateNetOptions, trust: Trust): Net {
  const allow = normalizeAllow(options.allow);
  const open = new Map<string | undefined, Promise<Way>>();
  let closed = false;

  const through = (proxy: string | undefined): Promise<Way> => {
    const known = open.get(proxy);
    if (known !== undefined) return known;
    const fresh = dispatcher(options, trust, allow, proxy);
    open.set(proxy, fresh);
    return fresh;
  };

  const send = async (request: NetRequest, secretPath: boolean): Promise<NetResponse> => {
    const call = prepare(request, options, allow, secretPath);
    if (closed) throw fault('closed', { target: call.target, sent: false }, 'its connection was closed');
    return exchange(await through(call.proxied ? options.proxy : undefined), call);
  };

  return {
    request: (request) => send(request, options.secretPath === true),
    fetch: fetchOver((request) => send({ maxBytes: FETCH_MAX_BYTES, ...request }, true)),
    trust,
    as: (identity) => netWith(options, trust.as(identity)),
    async close() {
      closed = true;
      await Promise.all(Array.from(open.values(), async (each) => (await each).destroy()));
    },
  };
}

/** Checks a request as far as that needs no connection. @throws {EdgeError} `permanent` */
function prepare(
  request: NetRequest,
  options: CreateNetOptions,
  allow: ReadonlySet<string>,
  secretPath: boolean,
): Call {
  const url = URL.parse(request.url);
  if (url === null || url.username !== '' || url.password !== '') {
    throw refusal(
      'invalid_request',
      `a ${request.method} request`,
      'its address is no URL without credentials',
    );
  }
  const target = describe(request.method, url, secretPath);
  const plaintext = plaintextFault(url.href, options.allowPlaintextLoopback);
  if (plaintext !== null) throw refusal('plaintext_refused', target, plaintext);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && isRefused(host, host, allow)) throw refusedAddress(target, host);
  return {
    target,
    // Plain http is for this machine alone, which a proxy is not.
    proxied: options.proxy !== undefined && url.protocol === 'https:',
    method: request.method,
    url,
    headers: headersOf(request, url, target),
    body: request.body ?? null,
    deadlineMs: request.deadlineMs ?? options.timeoutMs,
    maxBytes: request.maxBytes ?? DEFAULT_MAX_BYTES,
    signal: request.signal ?? null,
  };
}

function headersOf(request: NetRequest, url: URL, target: string): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'keywarden', 'accept-encoding': ACCEPT_ENCODING };
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    const lower = name.toLowerCase();
    // undici checks the certificate against a Host header where there is one.
    if (lower === 'host' && value !== url.host) {
      throw refusal('invalid_request', target, 'its Host header names another host than its address');
    }
    headers[lower] = value;
  }
  return headers;
}

/** What sends requests. */
type Way = Pick<Dispatcher, 'dispatch'> & { destroy(): Promise<void> };

/** undici is loaded with the first request, and without what of it nobody uses: its index costs 7 MB more. */
async function dispatcher(
  options: CreateNetOptions,
  trust: Trust,
  allow: ReadonlySet<string>,
  proxy: string | undefined,
): Promise<Way> {
  const connect = {
    lookup: guardedLookup(allow, options.resolve),
    timeout: options.timeoutMs,
    secureContext: trust.context,
    // Stated, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment changes nothing.
    rejectUnauthorized: true,
  };
  // An idle socket is let go before usual servers close it (5 s), so that no request meets a closing one.
  const pool = {
    connections: options.connections ?? 8,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 4_000,
  };
  if (proxy === undefined && options.frugal === true) {
    const { NativeDispatcher } = await import('./native.ts');
    return new NativeDispatcher({ ...pool, ...connect, rejectUnauthorized: true });
  }
  if (proxy === undefined) {
    const { default: Agent } = await import('undici/lib/dispatcher/agent.js');
    return new Agent({ ...pool, connect });
  }
  const { Pool, ProxyAgent } = await import('undici');
  return new ProxyAgent({
    ...pool,
    uri: proxy,
    proxyTls: connect,
    requestTls: connect,
    clientFactory: (origin, given) => new Pool(origin, { ...given, headersTimeout: options.timeoutMs }),
  });
}
