import { authorizeCredential } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { situation } from '../look.ts';
import { badRequest, Problem } from '../problem.ts';
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
      body: { versions: { type: 'object', additionalProperties: { type: ['integer', 'null'], minimum: 1 } } },
      roles: ['app'],
      handle: (request) => report(api, request),
    },
  ];
}

async function report({ engine, commands }: ApiContext, request: Request): Promise<Answer> {
  const agent = request.params.name ?? '';
  if (!NAME.test(agent)) throw badRequest(`an agent's name is up to 63 of a-z, 0-9, ".", "_", "-"`);
  const versions = versionsIn(request.body);
  const taken: [string, number | null][] = [];
  const refused: [string, Problem][] = [];
  for (const [credential, number] of versions) {
    try {
      authorizeCredential(callerOf(request), credential);
      await situation(engine, credential);
      await commanded(() => commands.report(credential, agent, number));
      taken.push([credential, number]);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      refused.push([credential, error]);
    }
  }
  // One that is no longer to be had must not keep the others from being told.
  const [first] = refused;
  if (first !== undefined && taken.length === 0) throw first[1];
  const why = refused.map(([credential, { message }]) => [credential, message]);
  return {
    status: 200,
    body: { name: agent, versions: Object.fromEntries(taken), refused: Object.fromEntries(why) },
  };
}

/** @throws {Problem} 400 */
function versionsIn({ versions }: Request['body']): [string, number | null][] {
  if (typeof versions !== 'object' || versions === null || Array.isArray(versions))
    throw badRequest('versions must be an object of version numbers by credential');
  const entries = Object.entries(versions);
  if (entries.length > MOST) throw badRequest(`versions holds more than ${MOST} credentials`);
  return entries.map(([credential, number]) => {
    if (number === null || (Number.isSafeInteger(number) && number > 0)) return [credential, number];
    throw badRequest(
      `versions.${credential.slice(0, 63)} must be a version's number, such as 3, or null where it is no longer held`,
    );
  });
}
