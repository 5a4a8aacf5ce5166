import type { TakenOver } from '../../engine/grants/contract.ts';
import type { GrantState } from '../../model/index.ts';
import type { ApiContext } from '../context.ts';
import { PAGE, pageOf } from '../input.ts';
import { entryOf, handOutRequest, SCOPE, SUBJECT, TOKEN } from '../oauth/input.ts';
import { granted } from '../oauth/refusal.ts';
import { grantView, tokenView } from '../oauth/views.ts';
import { badRequest, notFound } from '../problem.ts';
import { type Answer, callerOf, type Request, type Route } from '../router.ts';
import { etagsIn } from '../secret.ts';
import { clientOf } from './oauth.ts';

/** So many grants move in with one request at most. */
const MOST = 1_000;

/** A thousand refresh tokens that are signed documents, bytes. */
const IMPORT_LIMIT = 8 * 1024 * 1024;

const STATES: readonly GrantState[] = ['active', 'consent-required'];

/** Users' grants, and access tokens of them. */
export function grantRoutes(api: ApiContext): Route[] {
  return [...tokenRoutes(api), ...movingRoutes(api)];
}

function tokenRoutes(api: ApiContext): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/oauth/:client/grants',
      summary: 'Grants by subject, without tokens',
      query: { state: { type: 'string', enum: STATES }, ...PAGE },
      roles: ['reader'],
      handle: (request) => list(api, request),
    },
    {
      method: 'GET',
      path: '/v1/oauth/:client/grants/:subject',
      summary: 'One grant, without tokens',
      roles: ['reader'],
      handle: (request) => one(api, request),
    },
    {
      method: 'GET',
      path: '/v1/oauth/:client/grants/:subject/access-token',
      summary:
        'A valid access token, refreshed first where needed. scope: fewer scopes; rejected: the version that the provider refused; wait: how long at most (20s, at most 60s)',
      query: {
        scope: SCOPE,
        rejected: { type: 'integer', minimum: 1 },
        wait: { type: 'string', description: 'a duration, such as 20s' },
      },
      roles: ['app', 'admin'],
      handle: (request) => accessToken(api, request),
    },
  ];
}

function movingRoutes(api: ApiContext): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/oauth/:client/grants',
      summary: 'Take over an existing grant; its refresh token is tested at its first refresh',
      body: { subject: SUBJECT, refreshToken: TOKEN, scope: SCOPE },
      roles: ['admin'],
      handle: (request) => takeOne(api, request),
    },
    {
      method: 'POST',
      path: '/v1/oauth/:client/imports',
      summary: `Take over up to ${MOST} grants {subject, refreshToken, scope}; those that are known are left as they are`,
      body: { grants: { type: 'array', maxItems: MOST, items: { type: 'object' } } },
      bodyLimit: IMPORT_LIMIT,
      roles: ['admin'],
      handle: (request) => takeMany(api, request),
    },
    {
      method: 'DELETE',
      path: '/v1/oauth/:client/grants/:subject',
      summary: 'Forget a grant at once; it is revoked at the provider where that is possible',
      roles: ['app', 'admin'],
      handle: (request) => forget(api, request),
    },
  ];
}

async function list(api: ApiContext, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const wanted = request.query.get('state');
  const state = STATES.find((each) => each === wanted);
  if (wanted !== null && state === undefined) throw badRequest(`state must be ${STATES.join(' or ')}`);
  const query = { client, ...pageOf(request.query), ...(state === undefined ? {} : { state }) };
  const page = await api.engine.context.state.grants(query);
  return { status: 200, body: { grants: page.items.map(grantView), nextCursor: page.nextCursor } };
}

async function one(api: ApiContext, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const { subject = '' } = request.params;
  const held = await api.engine.context.state.grant(client, subject);
  if (held === null || held.grant.state === 'forgotten')
    throw notFound(`${client} has no grant of this user`);
  return { status: 200, body: grantView(held.grant) };
}

async function accessToken(api: ApiContext, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const { subject = '' } = request.params;
  const wish = handOutRequest(request);
  const token = await granted(() => api.grants.accessToken(client, subject, wish));
  const etag = `"${token.version}.${token.expiresAt}"`;
  if (etagsIn(request.headers['if-none-match']).includes(etag)) return { status: 304, headers: { etag } };
  return { status: 200, headers: { etag }, body: tokenView(token) };
}

async function takeOne(api: ApiContext, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const entry = entryOf(request.body);
  if (typeof entry === 'string') throw badRequest(entry);
  const { taken } = await granted(() => api.grants.takeOver(client, [entry], callerOf(request).name));
  const body = { client, subject: entry.subject, taken: taken > 0 };
  return { status: taken > 0 ? 201 : 200, body };
}

/** What cannot be taken is told by its place in the list; the others move in. */
async function takeMany(api: ApiContext, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const { entries, refused } = readEntries(request.body.grants);
  const actor = callerOf(request).name;
  const counts =
    entries.length === 0
      ? { taken: 0, known: 0 }
      : await granted(() => api.grants.takeOver(client, entries, actor));
  return { status: 200, body: { ...counts, refused } };
}

const TWICE = 'its subject stands earlier in the same request';

type Refused = { readonly index: number; readonly detail: string };

function readEntries(grants: unknown): { readonly entries: TakenOver[]; readonly refused: Refused[] } {
  if (!Array.isArray(grants)) throw badRequest('grants must be a list of {subject, refreshToken, scope}');
  if (grants.length > MOST) throw badRequest(`grants may have ${MOST} entries at most`);
  const entries = new Map<string, TakenOver>();
  const refused: Refused[] = [];
  for (const [index, each] of grants.entries()) {
    const entry = entryOf(each);
    if (typeof entry === 'string') refused.push({ index, detail: entry });
    else if (entries.has(entry.subject)) refused.push({ index, detail: TWICE });
    else entries.set(entry.subject, entry);
  }
  return { entries: [...entries.values()], refused };
}

async function forget(api: ApiContext, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const { subject = '' } = request.params;
  const grant = await granted(() => api.grants.forget(client, subject, callerOf(request).name));
  return { status: 202, body: { client, subject, state: grant.state } };
}
