import { isatty } from 'node:tty';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { Log } from '../model/index.ts';
import { plainFields } from './plain.ts';
import { prettyLine } from './pretty.ts';

export type LogOptions = {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'json' | 'pretty';
  /** Wall time in ms, for runs on a clock of their own; absent: the machine's. */
  readonly now?: () => number;
};

/** Where lines go, each whole and with its line end. */
export type LogDestination = {
  write(line: string): unknown;
  /** Colours the pretty format. */
  readonly isTTY?: boolean;
};

const STANDARD_OUTPUT = 1;

/** Bytes kept while standard output takes none; lines beyond are dropped. */
const MOST_WAITING = 1024 * 1024;

/** The keys that every line has: a field of the same name gets an underscore, so that no line has a key twice. */
const OWN_KEYS = new Set(['level', 'time', 'msg']);

/**
 * The log of the daemon: one line for each entry, in both formats to standard output, where a container's runtime
 * collects it (commands write their answers there, but they do not log). Each line is written before the call returns:
 * nothing is left to flush when the process ends, however it ends. A reader that has gone away and a full disk lose
 * lines, and never stop the process.
 *
 * @example
 * const log = createLog({ level: 'info', format: 'json' });
 * log.info({ credential: 'frameflow-prod' }, 'rotated');
 * // {"level":"info","time":"2026-10-01T09:00:00.000Z","credential":"frameflow-prod","msg":"rotated"}
 */
export function createLog(options: LogOptions, destination: LogDestination = standardOutput()): Log {
  const { now } = options;
  const colour = destination.isTTY === true && !process.env.NO_COLOR;
  const out =
    options.format === 'json'
      ? destination
      : { write: (line: string) => destination.write(prettyLine(line, colour)) };
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp:
        now === undefined ? stdTimeFunctions.isoTime : () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // pino's own would print an error's stack and whatever else hangs on it.
      serializers: { err: (value: unknown) => value },
    },
    out,
  );
  return wrap(logger, {});
}

/** Fields bound by `child` are merged here rather than by pino, which would print a repeated key twice. */
function wrap(logger: Logger, bound: Record<string, unknown>): Log {
  const write = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level]({ ...bound, ...safe(fields) }, message);
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => wrap(logger, { ...bound, ...safe(fields) }),
  };
}

/** An error given as the fields themselves is told under `error`. What cannot be read is never worth a crash. */
function safe(fields: object): Record<string, unknown> {
  try {
    const plain = plainFields(fields instanceof Error ? { error: fields } : fields);
    return Object.fromEntries(
      Object.entries(plain).map(([key, value]) => [OWN_KEYS.has(key) ? `${key}_` : key, value]),
    );
  } catch {
    return { fields: '[unreadable]' };
  }
}

function standardOutput(): LogDestination {
  const stream = pino.destination({ dest: STANDARD_OUTPUT, sync: true, maxLength: MOST_WAITING });
  stream.on('error', () => undefined);
  return { write: (line) => stream.write(line), isTTY: isatty(STANDARD_OUTPUT) };
}
