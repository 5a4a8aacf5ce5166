import type { Account } from './account.ts';
import type { AuthLog, WireEvent } from './auth-log.ts';
import { Delegated } from './frameflow-delegated.ts';
import { Rotate } from './frameflow-rotate.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { bearerToken, type Call, type Handler, json, type Reply } from './http.ts';
import { parseLogQuery } from './log-query.ts';
import { Authorize } from './oauth-authorize.ts';
import type { UserGrants } from './oauth-grants.ts';
import { TokenEndpoint } from './oauth-token.ts';
import { geoOf, type Origin, parseOrigin } from './origin.ts';
import { token } from './random.ts';
import type { Settings } from './settings.ts';

export type FrameFlowParts = {
  readonly account: Account;
  readonly grants: UserGrants;
  readonly log: AuthLog;
  readonly settings: Settings;
  readonly now: () => number;
};

/** What a request came to: its answer and what the log says of it. */
type Outcome = {
  readonly reply: Reply;
  readonly keyId: string | null;
  readonly requestId: string;
  readonly mintedKeyId?: string;
};

const ROTATE = '/v1/auth/rotate';
const LOGS = '/v1/auth/logs';
/** The endpoint that "the application" calls; FrameFlow's own page names none. */
const SEARCH = '/v1/assets/search';
const METHODS: Readonly<Record<string, string>> = { [ROTATE]: 'POST', [LOGS]: 'GET', [SEARCH]: 'GET' };

/** FrameFlow's API over TLS, by its contract. */
export function frameflow(parts: FrameFlowParts): Handler {
  const gatekeeper = new Gatekeeper(parts.account, parts.settings);
  const rotate = new Rotate(parts.account, parts.settings, parts.now);
  const authorize = new Authorize(parts.grants, parts.settings, parts.now);
  const tokens = new TokenEndpoint(parts.grants, parts.settings, parts.now);
  const delegated = new Delegated(parts.grants, parts.settings, parts.now);

  return async (call) => {
    if (call.path === '/oauth/authorize') return authorize.handle(call);
    if (call.path === '/oauth/token') return tokens.handle(call);
    if (delegated.concerns(call)) return delegated.handle(call);
    const requestId = `req_${token(16)}`;
    const origin = originOf(call);
    if (origin === null) return badOrigin(requestId);
    const outcome = await serve(call, origin, requestId);
    // Reads of the log are not in it, refused ones neither: a daemon that tests its keys there must not see itself.
    if (call.path !== LOGS || call.method !== 'GET') record(parts, call, origin, outcome);
    return outcome.reply;
  };

  async function serve(call: Call, origin: Origin, requestId: string): Promise<Outcome> {
    const { key, keyId, headers, refusal } = gatekeeper.admit(call, origin.ip, parts.now());
    const refuse = (status: number, code: string, message: string, more = {}): Outcome => ({
      reply: problem(status, code, message, requestId, { ...headers, ...more }),
      keyId,
      requestId,
    });
    if (refusal !== null) return refuse(refusal.status, refusal.code, refusal.message);
    const method = METHODS[call.path];
    if (method === undefined) return refuse(404, 'not_found', 'There is no such endpoint.');
    if (call.method !== method) return refuse(405, 'method_not_allowed', `Use ${method}.`, { allow: method });
    if (call.tooLarge) return refuse(413, 'too_large', 'The body is larger than 64 KB.');
    if (call.path === ROTATE) {
      const outcome = await rotate.handle(call, key, requestId);
      if ('refusal' in outcome) {
        return refuse(outcome.refusal.status, outcome.refusal.code, outcome.refusal.message);
      }
      return { ...outcome, reply: withHeaders(outcome.reply, headers), keyId };
    }
    const reply = call.path === LOGS ? readLog(parts, call, requestId) : search(call, requestId);
    return { reply: withHeaders(reply, headers), keyId, requestId };
  }
}

/** FrameFlow's plaintext port: 403 to everything, and a line in the log. */
export function frameflowPlaintext(parts: FrameFlowParts): Handler {
  return (call) => {
    const requestId = `req_${token(16)}`;
    const origin = originOf(call);
    if (origin === null) return badOrigin(requestId);
    const keyId = parts.account.find(bearerToken(call) ?? '')?.id ?? null;
    const reply = problem(403, 'tls_required', 'Plaintext HTTP is refused. Use TLS 1.2 or later.', requestId);
    record(parts, call, origin, { reply, keyId, requestId }, 'plaintext_attempt');
    return reply;
  };
}

function readLog(parts: FrameFlowParts, call: Call, requestId: string): Reply {
  const query = parseLogQuery(call.query);
  if (typeof query === 'string') {
    const form = query === 'limit' ? 'an integer from 1 to 1000' : 'an RFC 3339 date-time';
    return problem(400, `invalid_${query}`, `${query} is ${form}.`, requestId);
  }
  const page = parts.log.page(query, parts.now());
  if (page !== null) return json(200, page);
  return problem(410, 'cursor_expired', 'The cursor is unknown or expired. Resume by since.', requestId);
}

function search(call: Call, requestId: string): Reply {
  const query = call.query.get('q') ?? '';
  const results = ['clip_4k_0001', 'clip_4k_0002', 'clip_4k_0003'].map((id) => ({ id, title: query }));
  return json(200, { results, next_page: null, request_id: requestId });
}

function record(
  { log, now }: FrameFlowParts,
  call: Call,
  origin: Origin,
  outcome: Outcome,
  type?: 'plaintext_attempt',
): void {
  const time = now();
  const event: WireEvent = {
    id: `evt_${token(16)}`,
    time: new Date(time).toISOString(),
    key_id: outcome.keyId,
    ip: origin.ip,
    geo: origin.geo,
    method: call.method,
    path: call.path,
    status: outcome.reply.status,
    user_agent: call.headers['user-agent'] ?? null,
    ...(outcome.mintedKeyId === undefined ? {} : { minted_key_id: outcome.mintedKeyId }),
    request_id: outcome.requestId,
    ...(type === undefined ? {} : { type }),
  };
  log.append({ time, event });
}

function originOf(call: Call): Origin | null {
  const header = call.headers['x-sandbox-from'];
  if (header === undefined) return { ip: call.remoteAddress, geo: geoOf(call.remoteAddress) };
  return typeof header === 'string' ? parseOrigin(header) : null;
}

function badOrigin(requestId: string): Reply {
  const form =
    'X-Sandbox-From is ip;country;city;lat;lon, all but the address optional, the city percent-encoded.';
  return problem(400, 'invalid_sandbox_from', form, requestId);
}

function problem(status: number, code: string, message: string, requestId: string, headers = {}): Reply {
  return json(status, { error: { code, message }, request_id: requestId }, headers);
}

function withHeaders(reply: Reply, headers: Readonly<Record<string, string>>): Reply {
  return { ...reply, headers: { ...reply.headers, ...headers } };
}
