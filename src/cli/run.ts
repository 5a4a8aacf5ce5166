import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig, renderFault } from '../config/index.ts';
import { systemClock } from '../engine/clock.ts';
import type { Engine } from '../engine/engine.ts';
import { createLog } from '../telemetry/log.ts';
import { startDaemon } from './daemon.ts';
import { EXIT } from './exit.ts';
import { guard, stopInTime } from './guard.ts';
import type { ConfigOptions } from './options.ts';
import { stopSignals } from './signals.ts';
import { VERSION } from './version.ts';

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
  guard(log, 'daemon');
  const signals = stopSignals((signal) => {
    log.warn({ signal }, 'a second signal: ended at once; the next start takes up what was in flight');
    process.exit(EXIT.failed);
  });
  const daemon = await startDaemon(config, systemClock(), log);
  await Promise.race([turned(daemon.engine), signals.first]);
  const { address, probesAddress } = daemon.api;
  if (daemon.engine.ready)
    log.info({ address, probes: probesAddress, version: VERSION, config: sources }, 'ready');

  await stopInTime(log, await signals.first, () => daemon.stop());
  return EXIT.done;
}

/** Resolves once the loop has turned for the first time. */
async function turned(engine: Engine): Promise<void> {
  while (!engine.ready) await sleep(1);
}
