import { authorizeCredential } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { situation } from '../look.ts';
import { badRequest } from '../problem.ts';
import { commanded } from '../refusal.ts';
import { type Answer, callerOf, type Request, type Route } from '../router.ts';

/** As other names, so that they stand in alerts and tables without escapes. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** No agent looks after more. */
const MOST = 1_000;

/** What agents say of themselves. */
export function agentRoutes(api: ApiContext): Route[] {
  return [
    {
      method: 'PUT',
      path: '/v1/agents/:name',
      summary:
        'An agent says which version of each credential it holds; for 7 days it then counts as a destination',
      body: { versions: { type: 'object', additionalProperties: { type: 'integer', minimum: 1 } } },
      roles: ['app'],
      handle: (request) => report(api, request),
    },
  ];
}

async function report({ engine, commands }: ApiContext, request: Request): Promise<Answer> {
  const agent = request.params.name ?? '';
  if (!NAME.test(agent)) throw badRequest(`an agent's name is up to 63 of a-z, 0-9, ".", "_", "-"`);
  const versions = versionsIn(request.body);
  for (const [credential] of versions) {
    authorizeCredential(callerOf(request), credential);
    await situation(engine, credential);
  }
  for (const [credential, number] of versions)
    await commanded(() => commands.report(credential, agent, number));
  return { status: 200, body: { name: agent, versions: Object.fromEntries(versions) } };
}

/** @throws {Problem} 400 */
function versionsIn({ versions }: Request['body']): [string, number][] {
  if (typeof versions !== 'object' || versions === null || Array.isArray(versions))
    throw badRequest('versions must be an object of version numbers by credential');
  const entries = Object.entries(versions);
  if (entries.length > MOST) throw badRequest(`versions holds more than ${MOST} credentials`);
  return entries.map(([credential, number]) => {
    if (Number.isSafeInteger(number) && number > 0) return [credential, number];
    throw badRequest(`versions.${credential.slice(0, 63)} must be a version's number, such as 3`);
  });
}
