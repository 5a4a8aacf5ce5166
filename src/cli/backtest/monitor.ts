import { ConfigError } from '../../config/fault.ts';
import { type MonitorRules, readMonitors } from '../../config/monitors.ts';
import type { ManagedKey } from '../../detectors/contract.ts';
import { nearest } from '../../model/nearest.ts';
import { CommandError, EXIT } from '../exit.ts';

/**
 * The monitor whose rules hold: the one named, else the only one there is.
 *
 * @throws {ConfigError} where the monitors of the configuration have faults, or there is no configuration
 * @throws {CommandError} `usage` where there is none or none of several was named, `refused` for an unknown name
 */
export async function monitorFor(
  name: string | undefined,
  files: readonly string[] | undefined,
): Promise<MonitorRules> {
  const { monitors, faults } = await readMonitors({ files, env: process.env, cwd: process.cwd() });
  if (faults.length > 0) throw new ConfigError(faults);
  const names = monitors.map((monitor) => monitor.name);
  const [only] = monitors;
  if (only === undefined)
    throw new CommandError(
      EXIT.usage,
      'the configuration has no monitors, so there are no rules to judge by; add one under monitors',
    );
  if (name === undefined) {
    if (monitors.length === 1) return only;
    throw new CommandError(
      EXIT.usage,
      `the configuration has several monitors; name one: --monitor ${names.join(' or ')}`,
    );
  }
  const found = monitors.find((monitor) => monitor.name === name);
  if (found !== undefined) return found;
  const meant = nearest(name, names);
  throw new CommandError(
    EXIT.refused,
    `no monitor is named ${JSON.stringify(name)}${meant === null ? '' : ` (did you mean ${meant}?)`}; there are: ${names.join(', ')}`,
  );
}

/** The keys of the credentials as far as the configuration knows them: the state, which knows their successors, is not read. */
export function managedKeys({ keys }: MonitorRules): readonly ManagedKey[] {
  return keys.map(({ keyId, credential }) => ({
    keyId,
    credential,
    state: 'current',
    expiresAt: null,
    compromisedAt: null,
  }));
}
