import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { syncOnce } from '../agent/sync.ts';
import { loadAgentConfig } from '../config/agent/load.ts';
import { renderFault } from '../config/fault.ts';
import { systemClock } from '../engine/clock.ts';
import { createKeyedHash } from '../engine/hash.ts';
import { Secret } from '../model/index.ts';
import { createLog } from '../telemetry/log.ts';
import { CommandError, EXIT } from './exit.ts';
import { readMasterKeys } from './master-keys.ts';
import type { ConfigOptions } from './options.ts';
import { print, printable, tell } from './terminal.ts';

export type SyncOptions = ConfigOptions & {
  readonly once?: boolean;
  /** How long it is tried, ms. */
  readonly timeout: number;
};

/** Writes every file once. What was written goes to standard output, everything else to standard error. */
export async function sync({ config: files, once, timeout }: SyncOptions): Promise<number> {
  if (once !== true) {
    throw new CommandError(
      EXIT.usage,
      'sync writes the files once and ends: say --once; `keywarden agent` keeps them up to date',
    );
  }
  process.umask(0o077);
  const { config, warnings } = await loadAgentConfig({ files, env: process.env, cwd: process.cwd() });
  for (const warning of warnings) tell(renderFault(warning));
  const parts = {
    config,
    keys: await readMasterKeys(config),
    host: hostname(),
    clock: systemClock(),
    // No fingerprint leaves this process: its key need not outlive it.
    hash: createKeyedHash(Secret.from(randomBytes(32))),
    log: createLog({ level: 'warn', format: 'pretty' }, { write: (line) => process.stderr.write(line) }),
  };
  const { done, stale, missing } = await syncOnce(parts, timeout);
  for (const { credential, place, version } of done) print(`${credential}: ${place} has version ${version}`);
  for (const line of stale) tell(`warning: ${printable(line)}`);
  for (const line of missing) tell(`missing: ${printable(line)}`);
  return missing.length === 0 ? EXIT.done : EXIT.failed;
}
