import type { Log } from '../model/index.ts';

/** A log for what lasts as long as the process: where its lines go, and which there are, is another's to say, also of its children. */
export type StandingLog = { readonly log: Log; exchange(next: Log): void };

/**
 * A log that can be exchanged under those who hold it.
 *
 * @example
 * const { log, exchange } = standingLog(createLog({ level: 'info', format: 'json' }));
 * exchange(createLog({ level: 'debug', format: 'json' })); // `log.debug` is written from now on
 */
export function standingLog(first: Log): StandingLog {
  let current = first;
  const bound = (own: () => Log): Log => ({
    debug: (fields, message) => own().debug(fields, message),
    info: (fields, message) => own().info(fields, message),
    warn: (fields, message) => own().warn(fields, message),
    error: (fields, message) => own().error(fields, message),
    child: (fields) => bound(() => own().child(fields)),
  });
  return {
    log: bound(() => current),
    exchange: (next) => {
      current = next;
    },
  };
}
