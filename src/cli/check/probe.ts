import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/types.ts';
import { systemClock } from '../../engine/clock.ts';
import type { Plugins } from '../../engine/context.ts';
import { createKeyedHash } from '../../engine/hash.ts';
import { loadPlugins } from '../../engine/plugins.ts';
import { type Hash, type Log, Secret } from '../../model/index.ts';
import { Counters } from '../../telemetry/counters.ts';
import { reachChannels } from './channels.ts';
import { tryCountries } from './countries.ts';
import { tryCredentials } from './credentials.ts';
import { inspectFiles } from './files.ts';
import { reachHeartbeat } from './heartbeat.ts';
import { inspectHooks } from './hooks.ts';
import { tryOAuthClients } from './oauth-clients.ts';
import { type Result, tried } from './result.ts';
import { tryStores } from './stores.ts';

/** What plug-ins have to say is in what they throw. */
const SILENT: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => SILENT,
};

/** Tries everything that `config` names, in the order in which a rotation needs it. */
export async function* probe(config: Config, sources: readonly string[]): AsyncGenerator<Result> {
  yield* await inspectFiles(config, sources);
  yield* await inspectHooks(config);
  const hash = createKeyedHash(Secret.from(randomBytes(32)));
  let plugins: Plugins | null = null;
  const loaded = await tried('plug-ins', async () => {
    plugins = await load(config, hash);
    return 'loaded';
  });
  if (plugins === null) {
    yield loaded;
    return;
  }
  yield* tryAll(config, plugins, hash);
}

function load(config: Config, hash: Hash): Promise<Plugins> {
  return loadPlugins(config, { clock: systemClock(), hash, log: SILENT, counters: new Counters() });
}

async function* tryAll(config: Config, plugins: Plugins, hash: Hash): AsyncGenerator<Result> {
  try {
    // All at once, since each may take its whole time-out; told in order.
    const parts = [
      tryStores(config, plugins),
      tryCredentials(config, plugins, hash),
      tryOAuthClients(config, plugins),
      reachChannels(config),
      reachHeartbeat(config),
      tryCountries(config),
    ];
    for (const part of parts) yield* await part;
  } finally {
    await plugins.close();
  }
}
