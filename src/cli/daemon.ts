import { randomUUID } from 'node:crypto';
import type { Api } from '../api/api.ts';
import type { Config } from '../config/types.ts';
import { Commands } from '../engine/commands.ts';
import { Engine } from '../engine/engine.ts';
import { createKeyedHash } from '../engine/hash.ts';
import { WHILE_IT_LIVES } from '../engine/loop.ts';
import { createFiles } from '../files/index.ts';
import type { Clock, Log } from '../model/index.ts';
import { rules } from '../rotation/index.ts';
import { type AuditHead, openAuditHead } from '../state/audit-head.ts';
import { openSpool } from '../state/spool-file.ts';
import { openSqlite } from '../state/sqlite/index.ts';
import type { FileTarget } from '../stores/file/schema.ts';
import { Counters } from '../telemetry/counters.ts';
import { readMasterKeys } from './master-keys.ts';
import { pluginsOf, Reigns } from './reigns.ts';

/** A running Keywarden. */
export type Daemon = {
  /** The one that runs now: a reload makes another. */
  readonly engine: Engine;
  readonly commands: Commands;
  readonly api: Api;
  /**
   * Goes on with another configuration, on the same state and at the same addresses; resolves once it does. One at a
   * time; {@link fixedFaults} says what it must not change.
   *
   * @throws {KeywardenError} what cannot be had as it is configured: everything goes on as it was. `standstill`: nothing
   * does, the process has to end. `stopping`: the daemon was stopped meanwhile
   */
  reload(config: Config, log: Log): Promise<void>;
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
    for (const close of opened.reverse()) {
      await close().catch((error: unknown) => log.error({ error }, 'a part of the daemon did not close'));
    }
  };
  try {
    const keys = await readMasterKeys(config);
    const state = await openSqlite({
      file: config.state.database,
      keys,
      now: () => clock.now(),
      owner: `${config.installation.name}-${process.pid}`,
      progress: (rows) => log.info({ rows }, 'the state is brought to this version; this happens once'),
    });
    opened.push(() => state.close());
    await sweepFiles(config, log);
    const torn = (error: Error) => log.error({ error }, error.message);
    const spool = openSpool({ database: config.state.database, keys, torn });
    const fingerprintKey = await state.fingerprintKey();
    const hash = createKeyedHash(fingerprintKey);
    const auditHead = openAuditHead({ database: config.state.database, fingerprintKey, keys });
    await resealHead(auditHead, log);
    const counters = new Counters();
    const lasting = {
      state,
      spool,
      auditHead,
      rules,
      claimFor: WHILE_IT_LIVES,
      clock,
      hash,
      counters,
      newId: randomUUID,
    };
    const plugins = await pluginsOf(config, lasting, log);
    let reigns: Reigns | null = null;
    opened.push(() => (reigns ?? plugins).close());
    const engine = new Engine({ ...lasting, config, plugins, log });
    const commands = new Commands(engine);
    const { startApi } = await import('../api/api.ts');
    const api = await startApi({ engine, commands, grants: engine.grants }, config.api, log);
    opened.push(() => api.close());
    await engine.start();
    const all = new Reigns({ engine, commands, plugins }, { lasting, api, keys });
    reigns = all;
    opened.push(() => all.stop());
    return {
      get engine() {
        return all.current.engine;
      },
      get commands() {
        return all.current.commands;
      },
      api,
      reload: (next, nextLog) => all.reload(next, nextLog),
      stop: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** The state was sealed anew as it was opened. What cannot be is told, also by the first look through the audit log. */
async function resealHead(head: AuditHead, log: Log): Promise<void> {
  await head.reseal().catch((error: unknown) => {
    log.warn({ error }, 'what is kept of the end of the audit log could not be sealed anew');
  });
}

/** Temporary files that a crash left beside published ones. What cannot be removed is told, and harms nothing. */
async function sweepFiles({ credentials }: Config, log: Log): Promise<void> {
  const files = createFiles();
  for (const { destinations } of Object.values(credentials)) {
    for (const { id, store, target } of destinations) {
      if (store !== 'file') continue;
      await files
        .sweep((target as FileTarget).file)
        .catch((error: unknown) => log.warn({ destination: id, error }, 'temporary files were left'));
    }
  }
}
