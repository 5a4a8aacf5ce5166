import type { Version } from '../../model/index.ts';
import { Secret } from '../../model/index.ts';
import { versionById } from '../../rotation/index.ts';
import type { ApiContext } from '../context.ts';
import { REASON, text } from '../input.ts';
import { situation, viewRotation } from '../look.ts';
import { badRequest } from '../problem.ts';
import { commanded } from '../refusal.ts';
import { type Answer, callerOf, type Request, type Route } from '../router.ts';
import { versionView } from '../views.ts';

/** No key is longer, in characters. */
const LONGEST = 16_384;

const VALUE = { type: 'string', maxLength: LONGEST, writeOnly: true };

/** Keys that people hand over, and what they say of keys. */
export function keyRoutes(api: ApiContext): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/credentials/:name/adopt',
      summary: 'Take in the newest working key of the destinations, or the value given',
      body: { value: VALUE },
      roles: ['admin'],
      handle: (request) => adopt(api, request),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/import',
      summary: 'Test the value of a key made by hand, and publish it',
      body: { value: VALUE },
      roles: ['admin'],
      handle: (request) => importKey(api, request),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/versions/:id/retire',
      summary: 'A superseded key (by its version’s id or number) was revoked at the provider',
      roles: ['admin'],
      handle: (request) => retire(api, request),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/compromise',
      summary: 'A key (without keyId: the current one) is known to others: replace it at once',
      body: { keyId: { type: 'string' }, reason: REASON },
      roles: ['admin'],
      handle: (request) => compromise(api, request),
    },
  ];
}

/** Without a value it looks again in the destinations; with one it tests and takes that. */
async function adopt(api: ApiContext, request: Request): Promise<Answer> {
  const value = text(request.body, 'value', LONGEST);
  if (value !== null) return take(api, request, value);
  const { engine, commands } = api;
  const name = request.params.name ?? '';
  await situation(engine, name);
  await commanded(() => commands.adopt(name, callerOf(request).name));
  return { status: 202, body: { name, looking: true } };
}

async function importKey(api: ApiContext, request: Request): Promise<Answer> {
  const value = text(request.body, 'value', LONGEST);
  if (value === null || value === '') throw badRequest('value must be the key that was made by hand');
  return take(api, request, value);
}

async function take({ engine, commands }: ApiContext, request: Request, value: string): Promise<Answer> {
  const name = request.params.name ?? '';
  await situation(engine, name);
  const actor = callerOf(request).name;
  return taken(name, await commanded(() => commands.adoptValue(name, Secret.from(value), actor)));
}

async function retire({ engine, commands }: ApiContext, request: Request): Promise<Answer> {
  const { name = '', id = '' } = request.params;
  await situation(engine, name);
  return taken(name, await commanded(() => commands.retire(name, id, callerOf(request).name)));
}

function taken(name: string, version: Version): Answer {
  return { status: 202, body: { name, version: versionView(version) } };
}

async function compromise({ engine, commands }: ApiContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  const told = {
    keyId: text(request.body, 'keyId', 200),
    reason: text(request.body, 'reason'),
    actor: callerOf(request).name,
  };
  await situation(engine, name);
  const { version, rotation } = await commanded(() => commands.compromise(name, told));
  const { versions } = (await situation(engine, name)).snapshot;
  return {
    status: 202,
    body: {
      name,
      version: versionView(versionById(versions, version.id) ?? version),
      rotation: rotation === null ? null : await viewRotation(engine, rotation),
    },
  };
}
