import type { ApiContext } from '../context.ts';
import { known, only } from '../input.ts';
import type { Route } from '../router.ts';
import { deliveryView } from '../views.ts';

/** How long a test message is waited for, ms. */
const TEST_WITHIN = 10_000;

export function channelRoutes({ engine, commands }: ApiContext): Route[] {
  const { channels } = engine.context.config;
  return [
    {
      method: 'GET',
      path: '/v1/channels',
      summary: 'The channels that alerts go to, by name',
      roles: ['reader'],
      handle: async () => ({
        status: 200,
        body: {
          channels: Object.entries(channels)
            .map(([name, { kind }]) => ({ name, kind }))
            .sort((a, b) => (a.name < b.name ? -1 : 1)),
          nextCursor: null,
        },
      }),
    },
    {
      method: 'POST',
      path: '/v1/channels/:name/test',
      summary: 'Send a test message and tell what the channel said',
      roles: ['operator'],
      handle: async ({ params, body, caller }) => {
        only(body, []);
        const name = known('channel', params.name ?? '', Object.keys(channels));
        return {
          status: 200,
          body: deliveryView(await commands.testChannel(name, caller?.name ?? '', TEST_WITHIN)),
        };
      },
    },
  ];
}
