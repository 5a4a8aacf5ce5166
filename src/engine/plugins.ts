import type { Channel } from '../channels/contract.ts';
import { channels as channelKinds } from '../channels/index.ts';
import type { Config } from '../config/types.ts';
import { createFiles } from '../files/index.ts';
import type { CountryDatabase } from '../geo/index.ts';
import type { Hook, HookConfig } from '../hooks/contract.ts';
import { hooks as hookKinds } from '../hooks/index.ts';
import type { Clock, Hash, Log, Net, NetRequest, PluginContext } from '../model/index.ts';
import { KeywardenError } from '../model/index.ts';
import { createNet } from '../net/index.ts';
import type { OAuthClient, OAuthClientSettings, Provider } from '../providers/contract.ts';
import { providers as providerKinds } from '../providers/index.ts';
import type { Store } from '../stores/contract.ts';
import { stores as storeKinds } from '../stores/index.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { Plugins } from './context.ts';
import { openLater } from './countries.ts';
import { publicationId } from './destination.ts';

/** What plug-ins are made from. */
export type PluginParts = {
  readonly clock: Clock;
  readonly hash: Hash;
  readonly log: Log;
  readonly counters: Counters;
};

type Kind<P> = { load: (() => Promise<(context: PluginContext<never>) => P>) | null };
type Connect = (own: Connection, options?: { secretPath?: boolean; connections?: number }) => Net;
/** How a plug-in is connected, as its configuration says it. */
type Connection = {
  readonly timeout: number;
  readonly allowPlaintextLoopback: boolean;
  readonly tls?: { readonly caFile: string } | undefined;
  readonly proxy?: string | undefined;
};

/** Refreshes wait for their answers side by side: 600 a second at 200 ms each are 120 on their way. */
const OAUTH_CONNECTIONS = 256;

/** For what needs no network. */
const UNCONNECTED: Connection = { timeout: 0, allowPlaintextLoopback: false };

/**
 * Makes every plug-in that the configuration names, and loads the code of no other.
 * @throws {KeywardenError} `not_supported` for a kind that has no adapter yet
 */
export async function loadPlugins(config: Config, parts: PluginParts): Promise<Plugins> {
  const providers = new Map<string, Provider>();
  const stores = new Map<string, Store<unknown>>();
  const channels = new Map<string, Channel>();
  const hooks = new Map<string, Hook>();
  const nets: Net[] = [];
  const connect: Connect = (own, options = {}) => {
    const net = createNet({
      timeoutMs: own.timeout,
      allowPlaintextLoopback: own.allowPlaintextLoopback,
      allow: config.network.allow,
      ...(own.tls === undefined ? {} : { caFile: own.tls.caFile }),
      ...(own.proxy === undefined ? {} : { proxy: own.proxy }),
      ...options,
    });
    nets.push(net);
    return net;
  };
  const make = async <P>(kinds: object, kind: string, name: string, own: object, net: Net): Promise<P> => {
    const create = await adapterOf<P>(kinds, kind);
    return create({ ...pluginParts(name, parts), config: own as never, net });
  };
  for (const [name, own] of Object.entries(config.providers)) {
    // It gives its users' grants and no keys: its OAuth clients are all there is of it.
    if (providerKinds[own.kind].load === null) continue;
    const net = counted(connect(own), name, parts.counters);
    providers.set(name, await make(providerKinds, own.kind, name, own, net));
  }
  const clients = await clientsOf(config, parts, connect);
  for (const [name, own] of Object.entries(config.stores))
    stores.set(name, await make(storeKinds, own.kind, name, own, connect(own)));
  for (const [name, own] of Object.entries(config.channels))
    channels.set(name, await make(channelKinds, own.kind, name, own, connect(own, { secretPath: true })));
  if (usesFiles(config)) stores.set('file', await make(storeKinds, 'file', 'file', {}, connect(UNCONNECTED)));
  for (const [id, own] of hooksOf(config))
    hooks.set(id, await make(hookKinds, own.kind, id, own, connect(connectionOf(own), { secretPath: true })));
  const { heartbeat } = config;
  return {
    providers,
    clients,
    stores,
    channels,
    hooks,
    countries: countriesOf(config),
    ...(heartbeat === null ? {} : { heartbeat: connect(heartbeat, { secretPath: true }) }),
    async close() {
      const all = [providers, clients, stores, channels, hooks].flatMap((each) => [...each.values()]);
      await Promise.all(all.map((plugin) => plugin.close()));
      await Promise.all(nets.map((net) => net.close()));
    },
  };
}

/**
 * Each has a connection of its own under its provider's rules, so that none waits for another's.
 * @throws {KeywardenError} `not_supported` for a provider that issues no grants
 */
async function clientsOf(
  config: Config,
  parts: PluginParts,
  connect: Connect,
): Promise<ReadonlyMap<string, OAuthClient>> {
  const clients = new Map<string, OAuthClient>();
  for (const { name, provider, settings } of Object.values(config.oauthClients)) {
    const own = config.providers[provider];
    const oauth = own === undefined ? null : providerKinds[own.kind].oauth;
    if (own === undefined || oauth === null) {
      throw new KeywardenError('not_supported', `the provider ${provider} of ${name} issues no OAuth grants`);
    }
    const create = (await oauth.load()) as (
      context: PluginContext<never>,
      client: OAuthClientSettings,
    ) => OAuthClient;
    const net = counted(connect(own, { connections: OAUTH_CONNECTIONS }), provider, parts.counters);
    clients.set(name, create({ ...pluginParts(name, parts), config: own as never, net }, settings));
  }
  return clients;
}

/** By the id of the publication that they follow. */
function hooksOf({ credentials }: Config): ReadonlyArray<readonly [string, HookConfig]> {
  return Object.values(credentials).flatMap(({ name, destinations }) =>
    destinations.flatMap(({ id, onChange }) =>
      onChange === null ? [] : [[publicationId(name, id), onChange] as const],
    ),
  );
}

/** Its address may be a secret, as a channel's. */
function connectionOf(hook: HookConfig): Connection {
  return hook.kind === 'http' ? { ...hook.http, timeout: hook.timeout } : UNCONNECTED;
}

/** Opened with the first poll: without one that can be read the log is watched all the same. */
function countriesOf({ monitors }: Config): ReadonlyMap<string, CountryDatabase> {
  return new Map(
    Object.values(monitors).flatMap(({ name, geoip }) =>
      geoip === null ? [] : [[name, openLater(geoip.database)] as const],
    ),
  );
}

function usesFiles(config: Config): boolean {
  return Object.values(config.credentials).some(({ destinations }) =>
    destinations.some(({ store }) => store === 'file'),
  );
}

async function adapterOf<P>(kinds: object, kind: string): Promise<(context: PluginContext<never>) => P> {
  const entry = (kinds as Readonly<Record<string, Kind<P>>>)[kind];
  if (entry === undefined || entry.load === null) {
    throw new KeywardenError('not_supported', `not yet supported: kind: ${kind}`);
  }
  return entry.load();
}

function pluginParts(name: string, { clock, hash, log }: PluginParts) {
  return { name, clock, hash, log: log.child({ plugin: name }), files: createFiles() };
}

/** Counts a provider's answers and notes what is left of its rate limit. */
function counted(net: Net, provider: string, counters: Counters): Net {
  return {
    ...net,
    request: async (request: NetRequest) => {
      try {
        const response = await net.request(request);
        counters.count('provider_requests_total', {
          provider,
          status_class: `${Math.floor(response.status / 100)}xx`,
        });
        const remaining = Number(response.headers['x-ratelimit-remaining']);
        if (Number.isFinite(remaining))
          counters.set('provider_rate_limit_remaining', { provider }, remaining);
        return response;
      } catch (error) {
        counters.count('provider_requests_total', { provider, status_class: 'none' });
        throw error;
      }
    },
  };
}
