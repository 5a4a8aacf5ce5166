import type { Held } from '../../engine/current-values.ts';
import { installationOf } from '../../engine/situation.ts';
import { authorizeCredential } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { configured, viewCredential, viewCredentials } from '../look.ts';
import { type Answer, callerOf, type Request, type Route } from '../router.ts';
import { answerSecret, type Readable, SECRET_SUMMARY, WAIT, waitOf } from '../secret.ts';
import { versionView } from '../views.ts';

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
      summary: SECRET_SUMMARY,
      query: { wait: WAIT },
      roles: ['app', 'admin'],
      handle: (request) => readSecret(api, request),
    },
  ];
}

async function readSecret({ engine }: ApiContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  authorizeCredential(callerOf(request), name);
  const wait = waitOf(request);
  await configured(engine, name);
  const readable: Readable = {
    enter: (signal) => engine.values.enter(name, signal),
    read: async () => {
      const held = await engine.values.read(name);
      if (held === null) return null;
      const { id, number } = held.version;
      return { id, number, body: secretView(name, held, installationOf(engine.context)) };
    },
  };
  return answerSecret(request, name, readable, wait);
}

/** `installation` is what the mark beside a published value bears: an agent writes the same. */
function secretView(name: string, { version, value }: Held, installation: string): object {
  return {
    name,
    ...versionView(version),
    version: version.number,
    installation,
    value: value.reveal(),
  };
}
