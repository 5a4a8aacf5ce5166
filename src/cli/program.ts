import { Command, CommanderError } from 'commander';
import { addAgent } from './agent-commands.ts';
import { addAlerts } from './alert-commands.ts';
import { addAudit } from './audit-commands.ts';
import { addBacktest } from './backtest/command.ts';
import { addCredentials } from './credential-commands.ts';
import { addExec } from './exec-command.ts';
import { CommandError, EXIT } from './exit.ts';
import type { InitOptions } from './init.ts';
import { addOAuth } from './oauth/commands.ts';
import { type ConfigOptions, configured, type Does, type RunOptions, wholeNumber } from './options.ts';
import type { SandboxCommandOptions } from './sandbox.ts';
import { VERSION } from './version.ts';

/**
 * Parses the arguments and runs the command. The code of a command is loaded when it is called, so that help is
 * quick and `run` carries nothing of the others.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exit: number = EXIT.done;
  const does: Does = async (run) => {
    exit = await run();
  };
  try {
    await makeProgram(args, does).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
  return exit;
}

/** Every command there is. Parsing throws commander's errors. @param does performs a command that was parsed */
export function makeProgram(args: readonly string[], does: Does): Command {
  const program = new Command('keywarden')
    .description('Keeps API credentials alive, fresh and watched.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .showHelpAfterError('`keywarden help [COMMAND]` shows the usage.')
    .exitOverride();
  addDaemon(program, does);
  addAgent(program, does);
  addDevelopment(program, does);
  addCredentials(program, does);
  addOAuth(program, does);
  addExec(program, does, args);
  addAlerts(program, does);
  addAudit(program, does);
  addBacktest(program, does);
  return program;
}

function addDaemon(program: Command, does: Does): void {
  configured(program.command('run').description('run the daemon; SIGHUP reloads its configuration'))
    .option('--watch-config', 'reload also whenever a file of the configuration has changed')
    .action((options: RunOptions) => does(async () => (await import('./run.ts')).run(options)));
  addInit(program, does);
  program
    .command('keygen')
    .description('print a new master key')
    .action(() => does(async () => (await import('./keygen.ts')).keygen()));
  configured(program.command('check').description('validate the configuration, then try all that it names'))
    .option('--offline', 'validate only; references that do not resolve are warnings')
    .option('--json', 'print JSON')
    .action((options: ConfigOptions & { offline?: boolean; json?: boolean }) =>
      does(async () => (await import('./check/check.ts')).check(options)),
    );
  program
    .command('schema')
    .description('print the JSON Schema of the configuration')
    .action(() => does(async () => (await import('./schema.ts')).schema()));
}

function addInit(program: Command, does: Does): void {
  program
    .command('init')
    .description('ask (or take flags), then write a configuration, a master key and an admin token')
    .option('--directory <dir>', 'where to write', '.')
    .option('--name <name>', 'name of this installation')
    .option('--environment <name>', 'its environment')
    .option('--tier <tier>', "FrameFlow's tier: standard, pro, or requests per minute")
    .option('--credential <name>', 'name of the credential')
    .option('--secret-env <variable>', 'environment variable of the first key')
    .option('--geolocations <codes>', 'countries your calls come from, such as DE,US')
    .option('--vault <address>', 'publish to Vault at this address')
    .option('--vault-path <path>', 'path of the secret in Vault')
    .option('--vault-field <field>', 'field of the secret in Vault')
    .option('--vault-token-env <variable>', 'environment variable of the Vault token')
    .option('--file <path>', 'publish to this dotenv file')
    .option('--variable <name>', 'variable in the dotenv file')
    .option('--slack-env <variable>', 'environment variable of the Slack webhook URL')
    .option('--pagerduty-env <variable>', 'environment variable of the PagerDuty routing key')
    .option('--yes', 'ask nothing: take the flags and the defaults')
    .option('--force', 'overwrite keywarden.yaml (never a key)')
    .action((options: InitOptions) => does(async () => (await import('./init.ts')).init(options)));
}

function addDevelopment(program: Command, does: Does): void {
  program
    .command('demo')
    .description('a rotation, an attack and their alerts on a fast clock, with nothing of yours')
    .option('--for <duration>', 'end after this much wall time, such as 60s')
    .option('--speed <n>', 'virtual seconds a second', wholeNumber(1, 1_000_000), 86_400)
    .option('--port <n>', "port of the daemon's API; 0: any free one", wholeNumber(0, 65_535), 0)
    .action((options: DemoOptions) => does(() => runDemo(options)));
  program
    .command('sandbox')
    .description('FrameFlow, StockFlow, Slack and PagerDuty stand-ins on loopback, for development')
    .option('--print-config', 'print the configuration for it instead of its environment')
    .option('--directory <dir>', 'where ca.pem and keywarden.yaml go; default: a temporary folder')
    .option('--port <n>', 'first of six ports; default: any free ones', wholeNumber(1, 65_530))
    .action((options: SandboxCommandOptions) =>
      does(async () => (await import('./sandbox.ts')).sandbox(options)),
    );
}

type DemoOptions = { readonly for?: string; readonly speed: number; readonly port: number };

async function runDemo({ for: text, speed, port }: DemoOptions): Promise<number> {
  const { demo } = await import('../demo/demo.ts');
  if (text === undefined) return demo({ speed, port });
  const { parseDuration } = await import('../model/fields.ts');
  const ms = parseDuration(text);
  if (!ms) throw new CommandError(EXIT.usage, '--for: expected a duration such as 60s or 5m');
  return demo({ for: ms, speed, port });
}
