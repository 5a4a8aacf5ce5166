import type { ApiContext } from '../context.ts';
import { flag, future, MOMENT, REASON, text } from '../input.ts';
import { situation, viewRotation } from '../look.ts';
import { badRequest } from '../problem.ts';
import { commanded } from '../refusal.ts';
import { type Answer, callerOf, type Request, type Route } from '../router.ts';
import { pauseView } from '../views.ts';

/** What people ask of a credential's rotation. */
export function lifecycleRoutes(api: ApiContext): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/credentials/:name/rotate',
      summary: 'Rotate now, or say what that would do',
      body: { reason: REASON, emergency: { type: 'boolean' }, dryRun: { type: 'boolean' } },
      roles: ['operator'],
      handle: (request) => rotate(api, request),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/rollback',
      summary: 'Within the overlap: publish the previous version again, until a moment or a duration',
      body: { until: MOMENT, reason: REASON },
      roles: ['operator'],
      handle: (request) => rollback(api, request),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/pause',
      summary: 'No scheduled rotation until a moment or a duration, or until it is resumed',
      body: { until: MOMENT, reason: REASON },
      roles: ['operator'],
      handle: (request) => pause(api, request),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/resume',
      summary: 'Scheduled rotations again',
      roles: ['operator'],
      handle: (request) => resume(api, request),
    },
    {
      method: 'POST',
      path: '/v1/credentials/:name/forget',
      summary: 'Purge a credential that is no longer configured, and its key',
      roles: ['admin'],
      handle: (request) => forget(api, request),
    },
  ];
}

async function rotate({ engine, commands }: ApiContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  const emergency = flag(request.body, 'emergency');
  const reason = text(request.body, 'reason');
  await situation(engine, name);
  if (flag(request.body, 'dryRun')) return { status: 200, body: await commands.plan(name, emergency) };
  const requestKey = request.headers['idempotency-key'] ?? null;
  if (requestKey !== null && !/^[\x21-\x7e]{1,128}$/.test(requestKey)) {
    throw badRequest('Idempotency-Key must be 1 to 128 visible ASCII characters');
  }
  const wish = { emergency, reason, actor: callerOf(request).name, requestKey };
  const rotation = await commanded(() => commands.rotate(name, wish));
  return {
    status: 202,
    headers: { location: `/v1/rotations/${rotation.id}` },
    body: await viewRotation(engine, rotation),
  };
}

async function rollback({ engine, commands }: ApiContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  const wish = wished(engine.context.clock.now(), request);
  await situation(engine, name);
  const rotation = await commanded(() => commands.rollback(name, wish));
  return {
    status: 202,
    headers: { location: `/v1/rotations/${rotation.id}` },
    body: await viewRotation(engine, rotation),
  };
}

async function pause({ engine, commands }: ApiContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  const wish = wished(engine.context.clock.now(), request);
  await situation(engine, name);
  const record = await commanded(() => commands.pause(name, wish));
  return { status: 202, body: { name, pause: pauseView(record.pause) } };
}

async function resume({ engine, commands }: ApiContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  await situation(engine, name);
  const record = await commanded(() => commands.resume(name, callerOf(request).name));
  return { status: 202, body: { name, pause: pauseView(record.pause) } };
}

function wished(now: number, request: Request) {
  return {
    until: future(request.body, 'until', now),
    reason: text(request.body, 'reason'),
    actor: callerOf(request).name,
  };
}

async function forget({ commands }: ApiContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  await commanded(() => commands.forget(name, callerOf(request).name));
  return { status: 202, body: { name, forgotten: true } };
}
