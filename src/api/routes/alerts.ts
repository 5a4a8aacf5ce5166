import { type Alert, KeywardenError } from '../../model/index.ts';
import type { ApiContext } from '../context.ts';
import { flag, PAGE, pageOf } from '../input.ts';
import { badRequest, notFound } from '../problem.ts';
import { callerOf, type Route } from '../router.ts';
import { alertView, incidentView } from '../views.ts';

const STATES = ['triggered', 'acknowledged', 'resolved', 'open'] as const;

export function alertRoutes({ engine, commands }: ApiContext): Route[] {
  const { state } = engine.context;
  const view = async (alert: Alert) => alertView(alert, await state.deliveries(alert.id));
  return [
    {
      method: 'GET',
      path: '/v1/alerts',
      summary: 'Alerts, newest first',
      query: { state: { type: 'string', enum: STATES }, ...PAGE },
      roles: ['reader'],
      handle: async ({ query }) => {
        const wanted = query.get('state');
        const filter = STATES.find((name) => name === wanted);
        if (wanted !== null && filter === undefined)
          throw badRequest(`state must be one of ${STATES.join(', ')}`);
        const page = await state.alerts({
          ...pageOf(query),
          ...(filter === undefined ? {} : { state: filter }),
        });
        return {
          status: 200,
          body: { alerts: await Promise.all(page.items.map(view)), nextCursor: page.nextCursor },
        };
      },
    },
    {
      method: 'GET',
      path: '/v1/alerts/:id',
      summary: 'One alert and its deliveries',
      roles: ['reader'],
      handle: async ({ params }) => {
        const alert = await state.alert(params.id ?? '');
        if (alert === null) throw notFound(`there is no alert ${(params.id ?? '').slice(0, 64)}`);
        return { status: 200, body: await view(alert) };
      },
    },
    {
      method: 'POST',
      path: '/v1/alerts/:id/acknowledge',
      summary: 'Take an alert on',
      roles: ['operator'],
      handle: async ({ params, caller }) => {
        try {
          return {
            status: 200,
            body: await view(await commands.acknowledge(params.id ?? '', caller?.name ?? '')),
          };
        } catch (error) {
          if (error instanceof KeywardenError && error.code === 'unknown_alert')
            throw notFound(error.message);
          throw error;
        }
      },
    },
    incidentRoute(commands),
  ];
}

function incidentRoute(commands: ApiContext['commands']): Route {
  return {
    method: 'POST',
    path: '/v1/alerts/:id/incident',
    summary:
      'The report of a security alert for the provider; `sent` starts its time to answer, `answered` ends it',
    body: { sent: { type: 'boolean' }, answered: { type: 'boolean' } },
    roles: ['operator'],
    handle: async (request) => {
      const { body, params } = request;
      const asked = { sent: flag(body, 'sent'), answered: flag(body, 'answered') };
      if (asked.sent && asked.answered) throw badRequest('either sent or answered');
      try {
        const made = await commands.incident(params.id ?? '', asked, callerOf(request).name);
        return { status: 200, body: incidentView(made.alert, made.report) };
      } catch (error) {
        if (!(error instanceof KeywardenError)) throw error;
        if (error.code === 'unknown_alert') throw notFound(error.message);
        if (error.code === 'not_reportable') throw badRequest(error.message);
        throw error;
      }
    },
  };
}
