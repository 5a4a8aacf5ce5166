import { authorizeCredential } from '../api/auth.ts';
import { openApi } from '../api/openapi.ts';
import { notFound } from '../api/problem.ts';
import { type Answer, callerOf, type Request, type Route } from '../api/router.ts';
import { answerSecret, type Readable, SECRET_SUMMARY, waitOf } from '../api/secret.ts';
import type { Bell } from './bell.ts';
import type { Holdings } from './holdings.ts';

/** What the local API reads. */
export type LocalContext = {
  readonly holdings: Holdings;
  /** By the name of each configured credential: rings when another version is held. */
  readonly news: ReadonlyMap<string, Bell>;
  /** What is lacking; empty: ready. */
  readonly faults: () => readonly string[];
  /** What is wrong and harms nobody yet. */
  readonly notes: () => readonly string[];
};

/** The local API: the daemon's routes, as far as they are about values that are held. */
export function localRoutes(context: LocalContext): Route[] {
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/healthz',
      summary: 'Alive',
      roles: null,
      probe: true,
      handle: async () => ({ status: 200, body: { status: 'ok' } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      summary: 'Ready: every configured credential is held, and written to each of its files',
      roles: null,
      probe: true,
      handle: async () => readiness(context),
    },
    {
      method: 'GET',
      path: '/v1/credentials/:name/secret',
      summary: SECRET_SUMMARY,
      roles: ['app', 'admin'],
      handle: (request) => readSecret(context, request),
    },
    {
      method: 'GET',
      path: '/openapi.json',
      summary: 'This document',
      roles: null,
      handle: async () => ({ status: 200, body: openApi(routes) }),
    },
  ];
  return routes;
}

function readiness({ faults, notes }: LocalContext): Answer {
  const [lacking, told] = [faults(), notes()];
  const more = told.length === 0 ? {} : { notes: told };
  return lacking.length === 0
    ? { status: 200, body: { status: 'ok', ...more } }
    : { status: 503, body: { status: 'not ready', faults: lacking, ...more } };
}

async function readSecret({ holdings, news }: LocalContext, request: Request): Promise<Answer> {
  const name = request.params.name ?? '';
  authorizeCredential(callerOf(request), name);
  const wait = waitOf(request);
  const bell = news.get(name);
  if (bell === undefined)
    throw notFound(`this agent is not configured for ${JSON.stringify(name.slice(0, 63))}`);
  return answerSecret(request, name, readable(holdings, bell, name), wait);
}

function readable(holdings: Holdings, bell: Bell, name: string): Readable {
  return {
    read: async () => {
      const held = holdings.version(name);
      if (held === null) return null;
      const { versionId: id, number } = held.mark;
      return { id, number, body: { ...held.view, value: held.value.reveal() } };
    },
    enter: (signal) => {
      let seen = bell.count;
      return {
        after: async () => {
          await bell.wait(seen, { signal });
          seen = bell.count;
        },
        leave: () => undefined,
      };
    },
  };
}
