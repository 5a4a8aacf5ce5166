import { KeywardenError } from '../model/index.ts';

/** What the command line's exit codes mean; public, see the README. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** The daemon cannot be reached. */
  unreachable: 3,
  /** Not allowed, unknown name, in flight. */
  refused: 4,
  /** `check` found faults, `backtest --fail-on` findings. */
  faults: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command that could not do what it was asked: the message says what failed, why, and what to do. */
export class CommandError extends KeywardenError {
  readonly exit: ExitCode;

  constructor(exit: ExitCode, message: string) {
    super('command_failed', message);
    this.name = 'CommandError';
    this.exit = exit;
  }
}

/** Codes of what only another configuration or master key puts right. */
const CONFIGURATION = new Set([
  'config_invalid',
  'master_key',
  'wrong_key',
  'secret_unavailable',
  'not_supported',
  'ca_file',
  'tls_unusable',
]);

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exit;
  return error instanceof KeywardenError && CONFIGURATION.has(error.code) ? EXIT.usage : EXIT.failed;
}

/**
 * What a person is told of an error. Our own messages hold no secret; anybody else's might, so that of an unforeseen
 * error only its kind and where it came from are shown.
 */
export function explain(error: unknown): string {
  if (error instanceof KeywardenError) return error.message;
  const { name, code, at } = anatomy(error);
  return [
    `an unforeseen fault inside Keywarden (${code === null ? name : `${name} ${code}`}); please report it with these lines:`,
    ...at.map((frame) => `    ${frame}`),
  ].join('\n');
}

/** Kind and origin of an error, without its message. */
export function anatomy(error: unknown): { name: string; code: string | null; at: readonly string[] } {
  if (!(error instanceof Error)) return { name: typeof error, code: null, at: [] };
  const { message, stack = '' } = error;
  // The message stands first in the stack, and may have lines of its own.
  const frames = stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .map((line) => line.trim());
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  return { name: error.name, code, at: frames.filter((line) => line.startsWith('at ')).slice(0, 8) };
}
