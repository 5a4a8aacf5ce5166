import { type Command, InvalidArgumentError, Option } from 'commander';
import { DAY, parseDuration } from '../model/index.ts';
import type { ExecOptions } from './exec/order.ts';
import { addressed, type Does } from './options.ts';

const DESCRIPTION = `start a command with current secrets in its environment

The values of the credentials NAME stand in the variables VARIABLE, and nowhere else: not in an argument, not in a file.
KEYWARDEN_TOKEN, and any variable that holds the token in use, does not reach the command. Standard input, output and
error are the command's own. Signals are passed on to it (SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH);
what is typed at a terminal reaches it anyhow, once. It ends as the command ends: with its exit code, or by the same
signal where that was SIGTERM, SIGINT, SIGHUP or SIGKILL (as process 1, and for other signals: 128 + the signal's number).

On a new version, which is verified before anybody gets it, the command goes on with the value it has, and a line on
standard error says so; the old key works until its overlap ends. With --restart or --signal more is done. While the
daemon cannot be reached the command runs on, and what it missed is made up for once the daemon answers.

Exit codes of its own: 2 usage, 3 the daemon cannot be reached, 4 refused or unknown credential, 126 the command cannot be
executed, 127 there is no such command.`;

const EXAMPLES = `
Examples:
  keywarden exec FRAMEFLOW_API_KEY=frameflow-prod --restart -- node server.js
  keywarden exec --signal SIGHUP API_KEY=frameflow-prod -- /usr/sbin/footage --foreground`;

/**
 * Adds `exec`.
 *
 * @param args all arguments: the parser does not tell what stood behind `--`
 */
export function addExec(program: Command, does: Does, args: readonly string[]): void {
  const divider = args.indexOf('--');
  const command = addressed(
    program
      .command('exec')
      .summary('start a command with current secrets in its environment')
      .description(DESCRIPTION.replace(/(?<!\n)\n(?!\n)/g, ' '))
      .usage('[options] VARIABLE=NAME… -- COMMAND [ARGUMENT…]')
      .argument('[words...]', 'which variable gets which credential, then `--` and the command')
      .addHelpText('after', EXAMPLES),
  );
  addReactions(command);
  // Without `--` its flags look like ours: then the missing `--` is what is told.
  if (divider < 0) command.allowUnknownOption();
  command.action((words: readonly string[], options: ExecOptions) =>
    does(async () => {
      const { exec } = await import('./exec/exec.ts');
      const behind = divider < 0 ? null : args.length - divider - 1;
      return exec(words, behind, options);
    }),
  );
}

function addReactions(command: Command): void {
  const restart = new Option(
    '--restart',
    'on a new version: end the command and start it with the new value',
  );
  command
    .addOption(restart.conflicts('signal'))
    .option('--signal <signal>', 'on a new version: tell the command, which then reads the value itself')
    .option('--stop-signal <signal>', 'how --restart ends it', 'SIGTERM')
    .addOption(span('--grace <duration>', 'how long --restart waits before SIGKILL', '10s'))
    .addOption(
      span(
        '--stagger <duration>',
        'between replicas on one host: their restarts or signals begin at least this far apart; the first waits no longer than this',
      ),
    )
    .option(
      '--stagger-directory <dir>',
      "where the replicas meet; default: below $XDG_RUNTIME_DIR, else in a folder of this user's among the temporary files",
    )
    .addOption(
      span('--wait <duration>', 'how long the start waits for a daemon that cannot be reached', '60s'),
    );
}

/** An option that takes a duration; milliseconds once parsed. No timer of Node holds longer than some weeks. */
function span(flags: string, description: string, preset?: string): Option {
  const option = new Option(flags, description).argParser((text) => {
    const ms = parseDuration(text);
    if (ms !== null && ms <= DAY) return ms;
    throw new InvalidArgumentError('Expected a duration of at most 24h, such as 30s or 2m.');
  });
  return preset === undefined ? option : option.default(parseDuration(preset), preset);
}
