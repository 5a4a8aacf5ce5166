import { constants } from 'node:os';
import { looksSecret } from '../../config/quote.ts';
import { nearest } from '../../model/nearest.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { RemoteOptions } from '../options.ts';
import { printable } from '../terminal.ts';

/** The options of `exec`; durations in ms. */
export type ExecOptions = RemoteOptions & {
  readonly restart?: boolean;
  readonly signal?: string;
  readonly stopSignal: string;
  readonly grace: number;
  readonly stagger?: number;
  readonly staggerDirectory?: string;
  readonly wait: number;
};

/** What `exec` was asked for. */
export type Order = {
  /** Credential by variable. */
  readonly variables: ReadonlyMap<string, string>;
  /** The credentials, each once. */
  readonly names: readonly string[];
  readonly command: readonly [string, ...string[]];
  readonly onNew:
    | { readonly do: 'tell' | 'restart' }
    | { readonly do: 'signal'; readonly signal: NodeJS.Signals };
  readonly stopSignal: NodeJS.Signals;
  /** Ms. */
  readonly grace: number;
  /** Ms; 0: not at all. */
  readonly stagger: number;
};

/**
 * Reads the words of the command line.
 *
 * @param behind how many of the words stood behind `--`; null: there was none
 * @throws {CommandError} `usage`
 */
export function orderOf(words: readonly string[], behind: number | null, options: ExecOptions): Order {
  if (behind === null) throw usage('the command stands behind `--`, which is missing');
  const [program, ...args] = behind === 0 ? [] : words.slice(-behind);
  if (program === undefined || program === '') throw usage('behind `--` the command is missing');
  const variables = assignments(words.slice(0, words.length - behind));
  const { restart, signal, stopSignal, grace, stagger = 0 } = options;
  if (stagger > 0 && !restart && signal === undefined)
    throw usage('--stagger goes with --restart or --signal: else there is nothing to stagger');
  return {
    variables,
    names: [...new Set(variables.values())],
    command: [program, ...args],
    onNew:
      signal === undefined
        ? { do: restart ? 'restart' : 'tell' }
        : { do: 'signal', signal: signalOf('--signal', signal) },
    stopSignal: signalOf('--stop-signal', stopSignal),
    grace,
    stagger,
  };
}

function assignments(words: readonly string[]): ReadonlyMap<string, string> {
  if (words.length === 0) throw usage('say which variable gets which credential');
  const variables = new Map<string, string>();
  for (const word of words) {
    const [, variable, name] = /^([^=]*)=(.+)$/s.exec(word) ?? [];
    if (variable === undefined || name === undefined)
      throw usage(`expected VARIABLE=NAME before \`--\`, found ${quoted(word)}`);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable))
      throw usage(`${quoted(variable)} is no name of a variable: letters, digits and _, no digit first`);
    if (variables.has(variable)) throw usage(`${variable} is given twice`);
    if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name))
      throw usage(`${variable}: behind = stands the name of a credential, never its value`);
    variables.set(variable, name);
  }
  return variables;
}

/** `SIGHUP` or `HUP`. */
function signalOf(option: string, text: string): NodeJS.Signals {
  const name = /^SIG/i.test(text) ? text.toUpperCase() : `SIG${text.toUpperCase()}`;
  if (Object.hasOwn(constants.signals, name)) return name as NodeJS.Signals;
  const near = nearest(name, Object.keys(constants.signals));
  throw usage(
    `${option}: there is no signal ${quoted(text)}${near === null ? '' : `; did you mean ${near}?`}`,
  );
}

/** What looks like a secret is not repeated. */
const quoted = (text: string) =>
  looksSecret(text) ? 'something else' : JSON.stringify(printable(text.slice(0, 80)));

function usage(what: string): CommandError {
  return new CommandError(EXIT.usage, `${what}\n  keywarden exec VARIABLE=NAME… -- COMMAND [ARGUMENT…]`);
}
