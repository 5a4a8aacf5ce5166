import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { readMasterKeys } from '../../src/cli/master-keys.ts';
import { type Config, loadConfig } from '../../src/config/index.ts';
import { systemClock } from '../../src/engine/clock.ts';
import { Commands } from '../../src/engine/commands.ts';
import type { Plugins } from '../../src/engine/context.ts';
import { Engine } from '../../src/engine/engine.ts';
import { createKeyedHash } from '../../src/engine/hash.ts';
import { WHILE_IT_LIVES } from '../../src/engine/loop.ts';
import { loadPlugins } from '../../src/engine/plugins.ts';
import type { Clock } from '../../src/model/index.ts';
import { rules } from '../../src/rotation/index.ts';
import type { State } from '../../src/state/contract.ts';
import { KeyRing } from '../../src/state/sealing.ts';
import { openSpool } from '../../src/state/spool-file.ts';
import { openState } from '../../src/state/sqlite/index.ts';
import { openFile } from '../../src/state/sqlite/open.ts';
import { Counters } from '../../src/telemetry/counters.ts';
import { createLog } from '../../src/telemetry/log.ts';
import type { World } from './world.ts';

/** What stands between the engine and its means. */
export type Watch = {
  state(state: State): State;
  plugins?(plugins: Plugins): Plugins;
  database?(database: DatabaseSync): DatabaseSync;
  /** Absent: the machine's. */
  readonly clock?: Clock;
};

export type Daemon = {
  readonly engine: Engine;
  readonly commands: Commands;
  stop(): Promise<void>;
};

/** The configuration in `file`. The AWS SDK finds its credentials in the process's environment. */
export async function configOf(world: World, file: string): Promise<Config> {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) process.env[name] = world.env[name];
  const { config } = await loadConfig({ files: [file], env: world.env, cwd: dirname(file) });
  return config;
}

/** A daemon in this process, wired as `startDaemon` does, on SQLite, and watched. It is not started yet. */
export async function makeDaemon(config: Config, watch: Watch): Promise<Daemon> {
  const clock = watch.clock ?? systemClock();
  const log = createLog({ level: 'silent', format: 'json' });
  const state = watch.state(await openWatched(watch, config, clock));
  const hash = createKeyedHash(await state.fingerprintKey());
  const counters = new Counters();
  const plugins = await loadPlugins(config, { clock, hash, log, counters });
  const torn = (error: Error) => {
    throw error;
  };
  const keys = await readMasterKeys(config);
  const engine = new Engine({
    config,
    state,
    spool: openSpool({ database: config.state.database, keys, torn }),
    rules,
    claimFor: WHILE_IT_LIVES,
    plugins: watch.plugins?.(plugins) ?? plugins,
    clock,
    hash,
    log,
    counters,
    newId: randomUUID,
  });
  return {
    engine,
    commands: new Commands(engine),
    async stop() {
      await engine.stop();
      await plugins.close();
      await state.close();
    },
  };
}

async function openWatched(watch: Watch, config: Config, clock: Clock): Promise<State> {
  const file = config.state.database;
  const { database, guard } = openFile(file);
  const keys = new KeyRing(await readMasterKeys(config));
  const watched = { database: watch.database?.(database) ?? database, guard };
  return openState(watched, { file, keys, now: () => clock.now(), owner: 'bench' });
}
