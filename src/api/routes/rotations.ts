import type { ApiContext } from '../context.ts';
import { known, PAGE, pageOf } from '../input.ts';
import { storedNames, viewRotation } from '../look.ts';
import { notFound } from '../problem.ts';
import { commanded } from '../refusal.ts';
import { type Answer, callerOf, type Request, type Route } from '../router.ts';

export function rotationRoutes(api: ApiContext): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/rotations',
      summary: 'Rotations, newest first',
      query: { credential: { type: 'string' }, ...PAGE },
      roles: ['reader'],
      handle: (request) => list(api, request),
    },
    {
      method: 'GET',
      path: '/v1/rotations/:id',
      summary: 'One rotation and its steps',
      roles: ['reader'],
      handle: (request) => one(api, request),
    },
    {
      method: 'POST',
      path: '/v1/rotations/:id/retry',
      summary: 'Try at once what the rotation could not do',
      roles: ['operator'],
      handle: (request) => order(api, request, 'retry'),
    },
    {
      method: 'POST',
      path: '/v1/rotations/:id/abandon',
      summary: 'Give the rotation up; what was minted stays known',
      roles: ['operator'],
      handle: (request) => order(api, request, 'abandon'),
    },
  ];
}

async function list({ engine }: ApiContext, { query }: Request): Promise<Answer> {
  const { config, state } = engine.context;
  const credential = query.get('credential');
  if (credential !== null) {
    known('credential', credential, [...Object.keys(config.credentials), ...(await storedNames(engine))]);
  }
  const page = await state.rotations({ ...pageOf(query), ...(credential === null ? {} : { credential }) });
  const rotations = await Promise.all(page.items.map((rotation) => viewRotation(engine, rotation)));
  return { status: 200, body: { rotations, nextCursor: page.nextCursor } };
}

async function one({ engine }: ApiContext, { params: { id = '' } }: Request): Promise<Answer> {
  const rotation = await engine.context.state.rotation(id);
  if (rotation === null) throw notFound(`there is no rotation ${id.slice(0, 64)}`);
  return { status: 200, body: await viewRotation(engine, rotation) };
}

async function order(
  { engine, commands }: ApiContext,
  request: Request,
  what: 'retry' | 'abandon',
): Promise<Answer> {
  const { id = '' } = request.params;
  const rotation = await commanded(() => commands[what](id, callerOf(request).name));
  return { status: 202, body: await viewRotation(engine, rotation) };
}
