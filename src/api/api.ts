import type { ApiConfig } from '../config/types.ts';
import type { Log } from '../model/index.ts';
import type { ApiContext } from './context.ts';
import { only, onlyOnce } from './input.ts';
import { type Api, openListeners } from './listeners.ts';
import { openApi } from './openapi.ts';
import { Problem } from './problem.ts';
import type { Route } from './router.ts';
import { agentRoutes } from './routes/agents.ts';
import { alertRoutes } from './routes/alerts.ts';
import { auditRoutes } from './routes/audit.ts';
import { channelRoutes } from './routes/channels.ts';
import { credentialRoutes } from './routes/credentials.ts';
import { grantRoutes } from './routes/grants.ts';
import { keyRoutes } from './routes/keys.ts';
import { lifecycleRoutes } from './routes/lifecycle.ts';
import { consentRoutes } from './routes/oauth.ts';
import { probeRoutes } from './routes/probes.ts';
import { rotationRoutes } from './routes/rotations.ts';
import { silenceRoutes } from './routes/silences.ts';

export type { Api };

/** Every route of the API. */
function routesOf(context: ApiContext): Route[] {
  const consents = consentRoutes(context);
  const routes: Route[] = [
    ...probeRoutes(context),
    ...consents.open,
    ...[
      ...credentialRoutes(context),
      ...lifecycleRoutes(context),
      ...keyRoutes(context),
      ...rotationRoutes(context),
      ...alertRoutes(context),
      ...silenceRoutes(context),
      ...channelRoutes(context),
      ...auditRoutes(context),
      ...agentRoutes(context),
      ...consents.guarded,
      ...grantRoutes(context),
    ].map((route) => guarded(route, context)),
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

/**
 * The listener opens before the loop turns: until then a new credential is not known to the state. And no route takes
 * more than the OpenAPI document says of it.
 */
function guarded(route: Route, { engine }: ApiContext): Route {
  return {
    ...route,
    handle: async (request) => {
      if (!engine.ready) {
        throw new Problem(503, 'starting', 'Keywarden is starting; ask again in a second', {
          headers: { 'retry-after': '1' },
        });
      }
      onlyOnce(request.query, Object.keys(route.query ?? {}));
      only(request.body, Object.keys(route.body ?? {}));
      return route.handle(request);
    },
  };
}

/** @throws {KeywardenError} `port_taken`, `cannot_listen`, `tls_unusable` */
export async function startApi(context: ApiContext, api: ApiConfig, log: Log): Promise<Api> {
  const now = () => context.engine.context.clock.now();
  return openListeners(routesOf(context), { api, log, now });
}

/**
 * Gets ready to answer from another engine by its configuration, at the same addresses; the function that it returns does
 * it, from the next request on.
 * @throws {KeywardenError} `tls_unusable`
 */
export function prepareApi(api: Api, context: ApiContext, config: ApiConfig): () => void {
  return api.prepare(routesOf(context), config);
}

/**
 * Answers from another engine by the configuration in force, from the next request on: nothing is read that may be gone by now, so
 * nothing can fail.
 */
export function continueApi(api: Api, context: ApiContext): void {
  api.answer(routesOf(context));
}
