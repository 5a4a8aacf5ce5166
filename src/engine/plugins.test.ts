import { expect, onTestFinished, test } from 'vitest';
import { startAuthorizationServer } from '../../test/support/authorization-server.ts';
import type { Config } from '../config/types.ts';
import { type Log, Secret, SecretSource } from '../model/index.ts';
import { schema as oauth2 } from '../providers/oauth2/schema.ts';
import { schema as stockflow } from '../providers/stockflow/schema.ts';
import { Counters } from '../telemetry/counters.ts';
import { systemClock } from './clock.ts';
import { named } from './context.ts';
import { createKeyedHash } from './hash.ts';
import { loadPlugins } from './plugins.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Only what plug-ins are made from. */
function configOf(providers: Config['providers'], oauthClients: Config['oauthClients']): Config {
  const parts = {
    network: { allow: [] },
    providers,
    oauthClients,
    stores: {},
    channels: {},
    credentials: {},
    heartbeat: null,
    monitors: {},
  };
  return parts as unknown as Config;
}

async function load(config: Config) {
  const counters = new Counters();
  const hash = createKeyedHash(Secret.from('0'.repeat(32)));
  const plugins = await loadPlugins(config, { clock: systemClock(), hash, log: silent, counters });
  onTestFinished(() => plugins.close());
  return { plugins, counters };
}

function oauthClient(provider: string, value: string): Config['oauthClients'][string] {
  const secret = new SecretSource({ env: 'CLIENT_SECRET' });
  secret.bind(async () => Secret.from(value));
  const redirectUri = 'http://localhost:9/callback';
  const settings = { clientId: 'post-client', authentication: 'client_secret_post', secret, redirectUri };
  return { name: 'footage', provider, settings } as unknown as Config['oauthClients'][string];
}

test('a provider that only gives grants has OAuth clients and issues no keys; its answers are counted', async () => {
  await using server = await startAuthorizationServer();
  const own = oauth2.parse({ kind: 'oauth2', issuer: server.issuer, allowPlaintextLoopback: true });
  const { post } = server.clients;
  const { plugins, counters } = await load(
    configOf({ auth: own }, { footage: oauthClient('auth', post.secret) }),
  );
  expect([...plugins.providers.keys()]).toEqual([]);
  const client = named(plugins.clients, 'footage');
  const token = Secret.from(await server.grant(post, 'user-1'));
  expect((await client.parse(await client.refresh(token, { scopes: null }))).faults).toEqual([]);
  expect(counters.counted('provider_requests_total')).toEqual([
    { labels: { provider: 'auth', status_class: '2xx' }, value: 2 },
  ]);
});

test('an OAuth client has more connections than the calls of a key: its refreshes wait side by side', async () => {
  await using server = await startAuthorizationServer();
  const own = oauth2.parse({ kind: 'oauth2', issuer: server.issuer, allowPlaintextLoopback: true });
  const { post } = server.clients;
  const { plugins } = await load(configOf({ auth: own }, { footage: oauthClient('auth', post.secret) }));
  const client = named(plugins.clients, 'footage');
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const tokens = await Promise.all(Array.from({ length: 100 }, (_, at) => server.grant(post, `user-${at}`)));
  server.token.inject(...tokens.map(() => ({ after: released })));
  const refreshes = tokens.map((token) => client.refresh(Secret.from(token), { scopes: null }));
  await server.token.arrived(100);
  release();
  await Promise.all(refreshes);
});

test('an OAuth client of a provider that gives no grants is refused by name', async () => {
  const own = stockflow.parse({ kind: 'stockflow' });
  const loading = load(configOf({ stock: own }, { footage: oauthClient('stock', 'any') }));
  await expect(loading).rejects.toThrow('the provider stock of footage issues no OAuth grants');
});

test('the heartbeat has a connection of its own, whose messages do not show its path', async () => {
  const own = {
    url: 'http://127.0.0.1:9/ping/PLANTED',
    every: 60_000,
    timeout: 1_000,
    allowPlaintextLoopback: true,
  };
  const { plugins } = await load({ ...configOf({}, {}), heartbeat: own });
  const sent = plugins.heartbeat?.request({ method: 'GET', url: own.url });
  await expect(sent).rejects.toThrow(/^GET http:\/\/127\.0\.0\.1:9 was not sent/);
  expect((await load(configOf({}, {}))).plugins.heartbeat).toBeUndefined();
});
