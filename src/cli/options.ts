import { type Command, InvalidArgumentError, Option } from 'commander';

/** Every command that reads a configuration. */
export type ConfigOptions = { readonly config?: readonly string[] };

/** `run`. */
export type RunOptions = ConfigOptions & { readonly watchConfig?: boolean };

/** Every command that speaks to a running daemon. */
export type RemoteOptions = ConfigOptions & {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly json?: boolean;
};

/** Runs a command; what it gives back is its exit code, the rest of its story is on standard output and standard error. */
export type Does = (run: () => Promise<number>) => Promise<void>;

/** Adds `--config`. */
export function configured(command: Command): Command {
  return command.addOption(
    new Option('--config <file>', 'configuration; may be repeated: the files are merged').argParser(collect),
  );
}

/** Adds what says where the daemon is and who asks. */
export function addressed(command: Command): Command {
  return configured(command)
    .option('--url <url>', 'address of the daemon ($KEYWARDEN_URL); default: api.listen of the configuration')
    .option('--token-file <file>', 'file of the token to use ($KEYWARDEN_TOKEN: the token itself)')
    .option('--ca-file <file>', 'further certificate authority to trust');
}

/** The same, and `--json`. */
export function remote(command: Command): Command {
  return addressed(command).option('--json', 'print JSON');
}

function collect(file: string, before: readonly string[] = []): readonly string[] {
  return [...before, file];
}

/** A whole number from `least` to `most`. @throws {InvalidArgumentError} */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** A command of the daemon about one credential. */
export function aboutCredential(program: Command, name: string, description: string): Command {
  return remote(program.command(name).description(description).argument('<name>', 'the credential'));
}
