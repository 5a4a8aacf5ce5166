import { KeywardenError, type Log } from '../../src/model/index.ts';
import type { World } from './ground.ts';

/** The daemon's log: every line is looked through for secrets; a defect that it tells of ends the run. */
export function logOf(world: World, owner: string): Log {
  const line = (level: string, fields: object, message: string) => {
    world.tell('onLine', { line: `${message} ${JSON.stringify(fields)}` });
    if (level === 'error') world.trace.add(`${world.time} ${owner} error: ${message}`);
    const error = 'error' in fields ? fields.error : null;
    if (error instanceof Error && !(error instanceof KeywardenError)) world.defect(error, message);
  };
  const log: Log = {
    debug: () => undefined,
    info: (fields, message) => line('info', fields, message),
    warn: (fields, message) => line('warn', fields, message),
    error: (fields, message) => line('error', fields, message),
    child: () => log,
  };
  return log;
}
