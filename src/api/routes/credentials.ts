import { parseDuration } from '../../model/fields.ts';
import { currentVersion } from '../../rotation/index.ts';
import { authorizeCredential } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { situation, viewCredential, viewCredentials } from '../look.ts';
import { badRequest, notFound } from '../problem.ts';
import { type Answer, callerOf, type Request, type Route } from '../router.ts';
import { versionView } from '../views.ts';

/** The longest a reader may wait for a newer version, ms. */
const LONGEST_WAIT = 60_000;

/** What is known of credentials, and their current values. */
export function credentialRoutes(api: ApiContext): Route[] {
  const { engine } = api;
  return [
    {
      method: 'GET',
      path: '/v1/credentials',
      summary: 'All credentials, by name; those that are no longer configured are parked',
      roles: ['reader'],
      handle: async () => ({
        status: 200,
        body: { credentials: await viewCredentials(engine), nextCursor: null },
      }),
    },
    {
      method: 'GET',
      path: '/v1/credentials/:name',
      summary: 'One credential, its versions and destinations',
      roles: ['reader'],
      handle: async ({ params }) => ({ status: 200, body: await viewCredential(engine, params.name ?? '') }),
    },
    {
      method: 'GET',
      path: '/v1/credentials/:name/secret',
      summary: 'The current value; If-None-Match and wait hold until a newer one',
      roles: ['app', 'admin'],
      handle: (request) => readSecret(api, request),
    },
  ];
}

async function readSecret({ engine }: ApiContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  authorizeCredential(callerOf(request), name);
  const wait = parseDuration(request.query.get('wait') ?? '0s');
  if (wait === null || wait > LONGEST_WAIT) throw badRequest('wait must be a duration of at most 60s');
  const deadline = AbortSignal.any([request.signal, AbortSignal.timeout(wait)]);
  for (;;) {
    const turned = engine.nextTurn(deadline);
    const current = currentVersion((await situation(engine, name)).snapshot.versions);
    const etag = current && `"${current.id}"`;
    const unchanged = etag !== null && etagsIn(request.headers['if-none-match']).includes(etag);
    if (current !== null && etag !== null && !unchanged) {
      const value = await engine.context.state.versionValue(current.id);
      return {
        status: 200,
        headers: { etag },
        body: { name, ...versionView(current), version: current.number, value: value.reveal() },
      };
    }
    if (deadline.aborted || wait === 0) {
      if (etag === null) throw notFound(`${name} has no working key yet`);
      return { status: 304, headers: { etag } };
    }
    await turned;
  }
}

function etagsIn(header: string | undefined): string[] {
  return (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
}
