import type { Log } from '../model/index.ts';
import { anatomy, EXIT } from './exit.ts';

/** A stop that has not ended by then is cut off, ms: what is in flight is recorded, and the next start takes it up. */
const CUT_OFF = 9_500;

/**
 * What nobody caught ends the process, and says where it came from; a message of unknown origin may hold a secret.
 * @param who `daemon` or `agent`
 */
export function guard(log: Log, who: string): void {
  const fatal = (error: unknown) => {
    log.error(
      anatomy(error),
      `an unforeseen fault: the ${who} ends; the next start takes up what was in flight`,
    );
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
}

/** Stops within ten seconds, whatever hangs. */
export async function stopInTime(log: Log, signal: NodeJS.Signals, stop: () => Promise<void>): Promise<void> {
  log.info({ signal }, 'stopping');
  setTimeout(() => {
    log.warn({}, 'not all has ended in time; the next start takes up what was in flight');
    process.exit(EXIT.done);
  }, CUT_OFF).unref();
  await stop();
  log.info({}, 'stopped');
  // A vendor's client may keep a socket or timer of its own: nothing of ours is left to wait for.
  setTimeout(() => process.exit(EXIT.done), 100).unref();
}
