import { RefusedError } from '../../engine/commands.ts';
import { situationOf } from '../../engine/situation.ts';
import { parseDuration } from '../../model/fields.ts';
import { KeywardenError, Secret } from '../../model/index.ts';
import { currentVersion, type Situation } from '../../rotation/index.ts';
import { authorizeCredential, type Caller } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { flag, known, only, text } from '../input.ts';
import { badRequest, notFound, Problem } from '../problem.ts';
import type { Answer, Request, Route } from '../router.ts';
import { credentialView, rotationView, versionView } from '../views.ts';

/** The longest a reader may wait for a newer version, ms. */
const LONGEST_WAIT = 60_000;

export function credentialRoutes(api: ApiContext): Route[] {
  const { engine } = api;
  const { config, clock } = engine.context;
  const situation = (name: string): Promise<Situation> =>
    situationOf(engine.context, known('credential', name, Object.keys(config.credentials)));
  const view = async (name: string) => {
    const found = await situation(name);
    const keyIds = found.snapshot.versions.flatMap(({ keyId }) => (keyId === null ? [] : [keyId]));
    const kind = config.providers[found.snapshot.record.provider]?.kind ?? '';
    return credentialView(found, kind, await engine.context.state.keyUses(keyIds), clock.now());
  };
  return [
    {
      method: 'GET',
      path: '/v1/credentials',
      summary: 'All credentials, by name',
      roles: ['reader'],
      handle: async () => {
        const credentials = await Promise.all(Object.keys(config.credentials).sort().map(view));
        return { status: 200, body: { credentials, nextCursor: null } };
      },
    },
    {
      method: 'GET',
      path: '/v1/credentials/:name',
      summary: 'One credential, its versions and destinations',
      roles: ['reader'],
      handle: async ({ params }) => ({ status: 200, body: await view(params.name ?? '') }),
    },
    {
      method: 'GET',
      path: '/v1/credentials/:name/secret',
      summary: 'The current value; If-None-Match and wait hold until a newer one',
      roles: ['app', 'admin'],
      handle: (request) => readSecret(api, request, situation),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/rotate',
      summary: 'Rotate now, or say what that would do',
      roles: ['operator'],
      handle: (request) => rotate(api, request, situation),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/adopt',
      summary: 'Take in the newest working key of the destinations, or the value given',
      roles: ['admin'],
      handle: (request) => adopt(api, request, situation),
    },
  ];
}

type Find = (name: string) => Promise<Situation>;

function callerOf({ caller }: Request): Caller {
  if (caller === null) throw new TypeError('this route is reached with a token only');
  return caller;
}

/** The current value. `If-None-Match` answers 304 where it is unchanged; with `wait` only once the time is up. */
async function readSecret({ engine }: ApiContext, request: Request, find: Find): Promise<Answer> {
  const name = request.params.name ?? '';
  authorizeCredential(callerOf(request), name);
  const wait = parseDuration(request.query.get('wait') ?? '0s');
  if (wait === null || wait > LONGEST_WAIT) throw badRequest('wait must be a duration of at most 60s');
  const deadline = AbortSignal.any([request.signal, AbortSignal.timeout(wait)]);
  for (;;) {
    const turned = engine.nextTurn(deadline);
    const current = currentVersion((await find(name)).snapshot.versions);
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

async function rotate({ engine, commands }: ApiContext, request: Request, find: Find): Promise<Answer> {
  const name = request.params.name ?? '';
  only(request.body, ['reason', 'emergency', 'dryRun']);
  const emergency = flag(request.body, 'emergency');
  const { snapshot } = await find(name);
  if (flag(request.body, 'dryRun')) return { status: 200, body: await commands.plan(name, emergency) };
  const requestKey = request.headers['idempotency-key'] ?? null;
  if (requestKey !== null && !/^[\x21-\x7e]{1,128}$/.test(requestKey)) {
    throw badRequest('Idempotency-Key must be 1 to 128 visible ASCII characters');
  }
  try {
    const rotation = await commands.rotate(name, {
      emergency,
      reason: text(request.body, 'reason'),
      actor: callerOf(request).name,
      requestKey,
    });
    return {
      status: 202,
      headers: { location: `/v1/rotations/${rotation.id}` },
      body: rotationView(rotation, await engine.context.state.steps(rotation.id), snapshot.versions),
    };
  } catch (error) {
    throw refusal(error);
  }
}

/** Without a value it looks again in the destinations; with one it tests and takes that. */
async function adopt({ commands }: ApiContext, request: Request, find: Find): Promise<Answer> {
  const name = request.params.name ?? '';
  only(request.body, ['value']);
  const value = text(request.body, 'value', 16_384);
  await find(name);
  try {
    const actor = callerOf(request).name;
    if (value === null) {
      await commands.adopt(name, actor);
      return { status: 202, body: { name, looking: true } };
    }
    return {
      status: 202,
      body: { name, version: versionView(await commands.adoptValue(name, Secret.from(value), actor)) },
    };
  } catch (error) {
    throw refusal(error);
  }
}

function refusal(error: unknown): unknown {
  if (!(error instanceof RefusedError)) {
    return error instanceof KeywardenError && error.code.startsWith('unknown_')
      ? notFound(error.message)
      : error;
  }
  const { inFlight } = error;
  const members =
    inFlight === null
      ? {}
      : {
          rotation: inFlight.id,
          state: inFlight.state,
          overlapEndsAt:
            inFlight.overlapEndsAt === null ? null : new Date(inFlight.overlapEndsAt).toISOString(),
        };
  return new Problem(409, error.code.replaceAll('_', '-'), error.message, { members });
}
