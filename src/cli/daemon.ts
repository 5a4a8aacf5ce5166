import { randomUUID } from 'node:crypto';
import type { Api } from '../api/api.ts';
import type { Config } from '../config/index.ts';
import { Commands } from '../engine/commands.ts';
import type { Plugins } from '../engine/context.ts';
import { Engine } from '../engine/engine.ts';
import { createKeyedHash } from '../engine/hash.ts';
import { createFiles } from '../files/index.ts';
import type { Clock, Log } from '../model/index.ts';
import type { FileTarget } from '../stores/file/schema.ts';
import { openSqlite } from '../state/sqlite/index.ts';
import type { State } from '../state/contract.ts';
import { Counters } from '../telemetry/counters.ts';
import { readMasterKeys } from './master-keys.ts';

/** A running Keywarden. */
export type Daemon = {
  readonly engine: Engine;
  readonly commands: Commands;
  /** Null where no `api` is configured. */
  readonly api: Api | null;
  /** Ends or parks what is in flight, within ten seconds. */
  stop(): Promise<void>;
};

/**
 * Wires the parts of a daemon and starts it: state, plug-ins, engine, API.
 * @throws {KeywardenError} with what failed and what to do; everything opened until then is closed
 */
export async function startDaemon(config: Config, clock: Clock, log: Log): Promise<Daemon> {
  const opened: Array<() => Promise<void>> = [];
  const closeAll = async () => {
    for (const close of opened.reverse()) await close();
  };
  try {
    const state = await openSqlite({
      file: config.state.database,
      keys: await readMasterKeys(config),
      now: () => clock.now(),
      owner: `${config.installation.name}-${process.pid}`,
    });
    opened.push(() => state.close());
    await sweepFiles(config);
    const { engine, plugins } = await makeEngine(config, state, clock, log);
    opened.push(() => plugins.close());
    const commands = new Commands(engine);
    const api = await listen(config, engine, commands, log);
    if (api !== null) opened.push(() => api.close());
    await engine.start();
    opened.push(() => engine.stop());
    return { engine, commands, api, stop: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function makeEngine(
  config: Config,
  state: State,
  clock: Clock,
  log: Log,
): Promise<{ engine: Engine; plugins: Plugins }> {
  const { loadPlugins } = await import('../engine/plugins.ts');
  const hash = createKeyedHash(await state.fingerprintKey());
  const counters = new Counters();
  const plugins = await loadPlugins(config, { clock, hash, log, counters });
  const engine = new Engine({ config, state, plugins, clock, hash, log, counters, newId: randomUUID });
  return { engine, plugins };
}

async function listen(config: Config, engine: Engine, commands: Commands, log: Log): Promise<Api | null> {
  if (config.api === null) return null;
  const { startApi } = await import('../api/api.ts');
  return startApi({ engine, commands }, config.api, log);
}

/** Temporary files that a crash left beside published ones. */
async function sweepFiles({ credentials }: Config): Promise<void> {
  const files = createFiles();
  for (const { destinations } of Object.values(credentials)) {
    for (const { store, target } of destinations) {
      if (store === 'file') await files.sweep((target as FileTarget).file);
    }
  }
}
