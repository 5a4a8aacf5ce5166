import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { startAgent } from '../agent/agent.ts';
import type { AgentConfig } from '../config/agent/types.ts';
import { systemClock } from '../engine/clock.ts';
import { createKeyedHash } from '../engine/hash.ts';
import { Secret } from '../model/index.ts';
import { createLog } from '../telemetry/log.ts';
import { EXIT } from './exit.ts';
import { guard, stopInTime } from './guard.ts';
import { readMasterKeys } from './master-keys.ts';
import { hangups, stopSignals } from './signals.ts';
import { VERSION } from './version.ts';

/** What an agent's process is started with. */
export type AgentOrder = {
  readonly config: AgentConfig;
  /** What is allowed in the configuration and probably not meant, a line each. */
  readonly warnings: ReadonlyArray<{ readonly keyPath: string; readonly text: string }>;
  /** The files of the configuration. */
  readonly sources: readonly string[];
};

/** Runs an agent until a signal ends it. */
export async function runAgent({ config, warnings, sources }: AgentOrder): Promise<number> {
  process.umask(0o077);
  process.title = 'keywarden agent';
  const log = createLog(config.log);
  for (const { keyPath, text } of warnings) log.warn({ keyPath }, text);
  guard(log, 'agent');
  hangups().each(() =>
    log.warn({}, 'SIGHUP does nothing: the configuration is read at start; restart to apply a change'),
  );
  const signals = stopSignals((signal) => {
    log.warn({ signal }, 'a second signal: ended at once; the next start takes up what was in flight');
    process.exit(EXIT.failed);
  });
  const running = await startAgent({
    config,
    keys: await readMasterKeys(config),
    host: hostname(),
    clock: systemClock(),
    // No fingerprint leaves this process: its key need not outlive it.
    hash: createKeyedHash(Secret.from(randomBytes(32))),
    log,
  });
  const { address, probesAddress } = running.api;
  const fields = { address, probes: probesAddress, agent: running.name, version: VERSION, config: sources };
  log.info(fields, 'started');
  await Promise.race([running.ready(), signals.first]);
  if (running.faults().length === 0) log.info(fields, 'ready');
  await stopInTime(log, await signals.first, () => running.stop());
  return EXIT.done;
}
