import { readFileSync } from 'node:fs';
import type { AgentConfig, UpstreamConfig } from '../config/agent/types.ts';
import type { Hook, HookConfig } from '../hooks/contract.ts';
import { hooks as hookKinds } from '../hooks/index.ts';
import type { Clock, Files, Hash, Log, Net, PluginContext } from '../model/index.ts';
import { createNet } from '../net/index.ts';
import type { Store } from '../stores/contract.ts';
import type { FileTarget } from '../stores/file/schema.ts';
import { stores } from '../stores/index.ts';
import { recordKey } from './visit.ts';

export type PluginParts = {
  readonly clock: Clock;
  readonly hash: Hash;
  readonly log: Log;
  readonly files: Files;
};

/** What an agent publishes with. */
export type AgentPlugins = {
  readonly store: Store<FileTarget>;
  /** By the key of the file that they follow. */
  readonly hooks: ReadonlyMap<string, Hook>;
  close(): Promise<void>;
};

/** Makes the file store and every hook that the configuration names, and loads the code of no other. */
export async function loadAgentPlugins(config: AgentConfig, parts: PluginParts): Promise<AgentPlugins> {
  const nets: Net[] = [];
  const make = async <Own, P>(
    load: () => Promise<(context: PluginContext<Own>) => P>,
    name: string,
    own: Own,
    net: Net,
  ): Promise<P> => {
    nets.push(net);
    const create = await load();
    return create({ ...parts, name, log: parts.log.child({ plugin: name }), config: own, net });
  };
  const store = await make(stores.file.load, 'file', null, unconnected());
  const hooks = new Map<string, Hook>();
  for (const { name, destinations } of Object.values(config.credentials)) {
    for (const { id, onChange } of destinations) {
      if (onChange === null) continue;
      const key = recordKey(name, id);
      const load = hookKinds[onChange.kind].load as () => Promise<
        (context: PluginContext<HookConfig>) => Hook
      >;
      hooks.set(key, await make(load, key, onChange, connectionOf(onChange)));
    }
  }
  return {
    store,
    hooks,
    async close() {
      await Promise.all([store, ...hooks.values()].map((plugin) => plugin.close()));
      await Promise.all(nets.map((net) => net.close()));
    },
  };
}

/** Its address may be a secret. */
function connectionOf(hook: HookConfig): Net {
  if (hook.kind !== 'http') return unconnected();
  const { tls, proxy, allowPlaintextLoopback } = hook.http;
  return createNet({
    timeoutMs: hook.timeout,
    allowPlaintextLoopback,
    allow: [],
    ...(tls === undefined ? {} : { caFile: tls.caFile }),
    ...(proxy === undefined ? {} : { proxy }),
    secretPath: true,
  });
}

function unconnected(): Net {
  return createNet({ timeoutMs: 0, allowPlaintextLoopback: false, allow: [] });
}

/**
 * A connection to the upstream. Every credential has one of its own: a request that waits holds it, and one connection
 * lets no more than eight pass at a time. A CA that is named is trusted in place of the roots of the world: whoever has one of
 * his own needs no other, and those cost 2 MB.
 *
 * @throws {EdgeError} `ca_file`
 */
export function connectUpstream(config: UpstreamConfig): Net {
  const { caFile, proxy, timeout, allowPlaintextLoopback } = config;
  const net = createNet({
    timeoutMs: timeout,
    allowPlaintextLoopback,
    allow: [],
    ...(caFile === null ? {} : { caFile }),
    ...(proxy === null ? {} : { proxy }),
    frugal: true,
  });
  return caFile === null ? net : net.as({ ca: readFileSync(caFile, 'latin1') });
}
