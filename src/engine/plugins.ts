import type { Channel } from '../channels/contract.ts';
import { channels as channelKinds } from '../channels/index.ts';
import type { Config } from '../config/types.ts';
import { createFiles } from '../files/index.ts';
import type { Clock, Hash, Log, Net, NetRequest, PluginContext } from '../model/index.ts';
import { KeywardenError } from '../model/index.ts';
import { createNet } from '../net/index.ts';
import type { Provider } from '../providers/contract.ts';
import { providers as providerKinds } from '../providers/index.ts';
import type { Store } from '../stores/contract.ts';
import { stores as storeKinds } from '../stores/index.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { Plugins } from './context.ts';

/** What plug-ins are made from. */
export type PluginParts = {
  readonly clock: Clock;
  readonly hash: Hash;
  readonly log: Log;
  readonly counters: Counters;
};

type Kind<P> = { load(): Promise<(context: PluginContext<never>) => P> };
type ConnectedConfig = {
  readonly kind: string;
  readonly timeout: number;
  readonly allowPlaintextLoopback: boolean;
} & {
  readonly tls?: { readonly caFile: string } | undefined;
  readonly proxy?: string | undefined;
};

/**
 * Makes every plug-in that the configuration names, and loads the code of no other.
 * @throws {KeywardenError} `not_supported` for a kind that has no adapter yet
 */
export async function loadPlugins(config: Config, parts: PluginParts): Promise<Plugins> {
  const providers = new Map<string, Provider>();
  const stores = new Map<string, Store<unknown>>();
  const channels = new Map<string, Channel>();
  const nets: Net[] = [];
  const connect = (name: string, own: ConnectedConfig): Net => {
    const net = createNet({
      timeoutMs: own.timeout,
      allowPlaintextLoopback: own.allowPlaintextLoopback,
      allow: config.network.allow,
      ...(own.tls === undefined ? {} : { caFile: own.tls.caFile }),
      ...(own.proxy === undefined ? {} : { proxy: own.proxy }),
      secretPath: name in config.channels,
    });
    nets.push(net);
    return name in config.providers ? counted(net, name, parts.counters) : net;
  };
  const make = async <P>(kinds: object, name: string, own: ConnectedConfig): Promise<P> => {
    const create = await adapterOf<P>(kinds, own.kind);
    return create({ ...pluginParts(name, parts), config: own as never, net: connect(name, own) });
  };
  for (const [name, own] of Object.entries(config.providers))
    providers.set(name, await make(providerKinds, name, own));
  for (const [name, own] of Object.entries(config.stores))
    stores.set(name, await make(storeKinds, name, own));
  for (const [name, own] of Object.entries(config.channels))
    channels.set(name, await make(channelKinds, name, own));
  if (usesFiles(config)) {
    stores.set(
      'file',
      await make(storeKinds, 'file', { kind: 'file', timeout: 0, allowPlaintextLoopback: false }),
    );
  }
  return {
    providers,
    stores,
    channels,
    async close() {
      await Promise.all(
        [...providers.values(), ...stores.values(), ...channels.values()].map((plugin) => plugin.close()),
      );
      await Promise.all(nets.map((net) => net.close()));
    },
  };
}

function usesFiles(config: Config): boolean {
  return Object.values(config.credentials).some(({ destinations }) =>
    destinations.some(({ store }) => store === 'file'),
  );
}

async function adapterOf<P>(kinds: object, kind: string): Promise<(context: PluginContext<never>) => P> {
  const entry = (kinds as Readonly<Record<string, Kind<P>>>)[kind];
  if (entry === undefined) throw new KeywardenError('not_supported', `not yet supported: kind: ${kind}`);
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
