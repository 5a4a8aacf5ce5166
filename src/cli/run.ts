import { setTimeout as sleep } from 'node:timers/promises';
import { renderFault } from '../config/index.ts';
import { systemClock } from '../engine/clock.ts';
import type { Engine } from '../engine/engine.ts';
import { createLog } from '../telemetry/log.ts';
import { ChannelProbe } from './channel-probe.ts';
import { watchFiles } from './config-watch.ts';
import { startDaemon } from './daemon.ts';
import { EXIT } from './exit.ts';
import { guard, stopInTime } from './guard.ts';
import type { RunOptions } from './options.ts';
import { loadInForce, lookAhead, Reloads } from './reload.ts';
import { hangups, stopSignals } from './signals.ts';
import { standingLog } from './standing-log.ts';
import { VERSION } from './version.ts';

/** The daemon: runs until a signal ends it; SIGHUP, or a changed file where that is wanted, has it load its configuration anew. */
export async function run({ config: files, watchConfig = false }: RunOptions): Promise<number> {
  process.umask(0o077);
  process.title = 'keywarden run';
  const hangup = hangups();
  const seen = watchConfig ? await lookAhead(files) : undefined;
  const inForce = await loadInForce(files);
  const { config, warnings, sources } = inForce.loaded;
  const standing = standingLog(createLog(config.log));
  const { log } = standing;
  for (const warning of warnings) log.warn({ keyPath: warning.keyPath }, renderFault(warning));
  guard(log, 'daemon');
  const signals = stopSignals((signal) => {
    log.warn({ signal }, 'a second signal: ended at once; the next start takes up what was in flight');
    process.exit(EXIT.failed);
  });
  const clock = systemClock();
  const daemon = await startDaemon(config, clock, log);
  const probe = new ChannelProbe({
    log,
    clock,
    submit: (told) => daemon.engine.submit([], told),
  });
  const look = (of: typeof config) => void probe.begin(of);
  const reloads = new Reloads(inForce, { daemon, clock, log: standing, took: look }, seen);
  await Promise.race([turned(daemon.engine), signals.first]);
  const { address, probesAddress } = daemon.api;
  if (daemon.engine.ready) {
    log.info({ address, probes: probesAddress, version: VERSION, config: sources }, 'ready');
    await reloads.begin();
    look(config);
    hangup.each(() => reloads.ask('SIGHUP'));
  }
  const changed = () => reloads.ask('a changed file');
  const watch = watchConfig ? watchFiles(() => reloads.files, changed) : null;

  const signal = await signals.first;
  watch?.stop();
  reloads.stop();
  probe.stop();
  await stopInTime(log, signal, () => daemon.stop());
  return EXIT.done;
}

/** Resolves once the loop has turned for the first time. */
async function turned(engine: Engine): Promise<void> {
  while (!engine.ready) await sleep(1);
}
