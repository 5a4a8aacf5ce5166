import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig, renderFault } from '../config/index.ts';
import { systemClock } from '../engine/clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Log } from '../model/index.ts';
import { createLog } from '../telemetry/log.ts';
import { startDaemon } from './daemon.ts';
import { anatomy, EXIT } from './exit.ts';
import type { ConfigOptions } from './options.ts';
import { stopSignals } from './signals.ts';
import { VERSION } from './version.ts';

/** A stop that has not ended by then is cut off, ms: what is in flight is a recorded intent, which the next start takes up. */
const CUT_OFF = 9_500;

/** The daemon: runs until a signal ends it. */
export async function run({ config: files }: ConfigOptions): Promise<number> {
  process.umask(0o077);
  process.title = 'keywarden run';
  const { config, warnings, sources } = await loadConfig({
    files,
    env: process.env,
    cwd: process.cwd(),
  });
  const log = createLog(config.log);
  for (const warning of warnings) log.warn({ keyPath: warning.keyPath }, renderFault(warning));
  guard(log);
  const signals = stopSignals((signal) => {
    log.warn({ signal }, 'a second signal: ended at once; the next start takes up what was in flight');
    process.exit(EXIT.failed);
  });
  const daemon = await startDaemon(config, systemClock(), log);
  await Promise.race([turned(daemon.engine), signals.first]);
  const { address, probesAddress } = daemon.api;
  if (daemon.engine.ready)
    log.info({ address, probes: probesAddress, version: VERSION, config: sources }, 'ready');

  const signal = await signals.first;
  log.info({ signal }, 'stopping');
  setTimeout(() => {
    log.warn({}, 'not all has ended in time; the next start takes up what was in flight');
    process.exit(EXIT.done);
  }, CUT_OFF).unref();
  await daemon.stop();
  log.info({}, 'stopped');
  // A vendor's client may keep a socket or timer of its own: nothing of ours is left to wait for.
  setTimeout(() => process.exit(EXIT.done), 100).unref();
  return EXIT.done;
}

/** Resolves once the loop has turned for the first time. */
async function turned(engine: Engine): Promise<void> {
  while (!engine.ready) await sleep(1);
}

/** What nobody caught ends the process, and says where it came from; a message of unknown origin may hold a secret. */
function guard(log: Log): void {
  const fatal = (error: unknown) => {
    log.error(
      anatomy(error),
      'an unforeseen fault: the daemon ends; the next start takes up what was in flight',
    );
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
  process.on('SIGHUP', () => {
    log.warn({}, 'SIGHUP does nothing: the configuration is read at start; restart to apply a change');
  });
}
