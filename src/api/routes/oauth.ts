import { formatTime } from '../../model/index.ts';
import { authorizeClient } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { known, text } from '../input.ts';
import { callback } from '../oauth/callback.ts';
import { CALLBACK_PATH } from '../oauth/here.ts';
import { SUBJECT, subjectOf } from '../oauth/input.ts';
import { Pending } from '../oauth/pending.ts';
import { granted } from '../oauth/refusal.ts';
import { authorizationView } from '../oauth/views.ts';
import { badRequest, Problem } from '../problem.ts';
import { type Answer, callerOf, type Request, type Route } from '../router.ts';

/** No URL and no code is longer, in characters. */
const LONGEST = 4_096;

const TEXT = { type: 'string', maxLength: LONGEST };

/** What the provider's redirect may bear, by RFC 6749, 4.1.2, and RFC 9207. */
const RETURNED = ['code', 'state', 'iss', 'error', 'error_description'] as const;

/** Consents: begun by an application or a person, finished by the user's browser. */
export function consentRoutes(api: ApiContext): { readonly guarded: Route[]; readonly open: Route[] } {
  const pending = new Pending();
  const guarded: Route[] = [
    {
      method: 'POST',
      path: '/v1/oauth/:client/authorizations',
      summary: 'Begin a consent: send the user’s browser to authorizeUrl within ten minutes',
      body: { subject: SUBJECT, returnUrl: TEXT },
      roles: ['app', 'admin'],
      handle: (request) => begin(api, pending, request),
    },
    {
      method: 'GET',
      path: '/v1/oauth/:client/authorizations/:id',
      summary: 'Where a consent stands: pending, received, exchanging, completed or failed',
      roles: ['app', 'admin'],
      handle: (request) => one(api, request),
    },
    {
      method: 'POST',
      path: '/v1/oauth/:client/authorizations/:id/complete',
      summary: 'Finish a consent whose callback the application hosts, once its own session began it',
      body: Object.fromEntries(RETURNED.map((name) => [name, TEXT])),
      roles: ['app', 'admin'],
      handle: (request) => complete(api, pending, request),
    },
  ];
  const open: Route[] = [
    {
      method: 'GET',
      path: CALLBACK_PATH,
      summary: 'Where the provider sends the user back: a page, or on to the returnUrl',
      roles: null,
      once: true,
      handle: (request) => callback(api, pending, request),
    },
  ];
  return { guarded, open };
}

/** The client that the path names. @throws {Problem} 403 where it is not the caller's, 404 where there is none */
export function clientOf({ engine }: ApiContext, request: Request): string {
  const name = request.params.client ?? '';
  authorizeClient(callerOf(request), name);
  return known('OAuth client', name, Object.keys(engine.context.config.oauthClients));
}

async function begin(api: ApiContext, pending: Pending, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const wish = {
    subject: subjectOf(request.body.subject),
    returnUrl: text(request.body, 'returnUrl', LONGEST),
    actor: callerOf(request).name,
  };
  const now = api.engine.context.clock.now();
  const begun = await pending.begin({ client, subject: wish.subject }, now, () =>
    granted(() => api.grants.begin(client, wish)),
  );
  return {
    status: 201,
    headers: { location: `/v1/oauth/${client}/authorizations/${begun.id}` },
    body: { id: begun.id, authorizeUrl: begun.authorizeUrl, expiresAt: formatTime(begun.expiresAt) },
  };
}

async function one(api: ApiContext, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const { id = '' } = request.params;
  return { status: 200, body: authorizationView(await granted(() => api.grants.authorization(client, id))) };
}

async function complete(api: ApiContext, pending: Pending, request: Request): Promise<Answer> {
  const client = clientOf(api, request);
  const { id = '' } = request.params;
  const query = new URLSearchParams();
  for (const name of RETURNED) {
    const value = text(request.body, name, LONGEST);
    if (value !== null) query.set(name, value);
  }
  if (!query.has('state') || query.has('code') === query.has('error'))
    throw badRequest('give state and code, or state and error, as the provider’s redirect had them');
  const authorization = await granted(() => api.grants.complete(client, id, query));
  pending.end(client, id);
  const { state, error } = authorization;
  if (state === 'completed') return { status: 200, body: authorizationView(authorization) };
  if (state !== 'failed') return { status: 202, body: authorizationView(authorization) };
  const members = { code: error?.code ?? null };
  throw new Problem(409, 'consent-failed', error?.message ?? 'the provider gave no reason', { members });
}
