import { formatTime } from '../../model/index.ts';
import type { ApiContext } from '../context.ts';
import { PAGE, pageOf } from '../input.ts';
import type { Route } from '../router.ts';

const FILTERS = ['actor', 'credential', 'action'] as const;

export function auditRoutes({ engine }: ApiContext): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/audit',
      summary: 'The audit log, newest first',
      query: { ...Object.fromEntries(FILTERS.map((name) => [name, { type: 'string' }])), ...PAGE },
      roles: ['admin'],
      handle: async ({ query }) => {
        const filter = Object.fromEntries(
          FILTERS.flatMap((name) => (query.has(name) ? [[name, query.get(name) ?? '']] : [])),
        );
        const page = await engine.context.state.audit({ ...pageOf(query), ...filter });
        const entries = page.items.map((entry) => ({ ...entry, at: formatTime(entry.at) }));
        return { status: 200, body: { entries, nextCursor: page.nextCursor } };
      },
    },
  ];
}
