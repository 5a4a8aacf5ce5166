import { Argument, type Command, InvalidArgumentError } from 'commander';
import { HOUR, parseDuration } from '../../model/index.ts';
import { type Does, remote } from '../options.ts';
import type { GrantsAction, GrantsOptions } from './grants.ts';
import type { LoginOptions } from './login.ts';
import type { TokenOptions } from './token.ts';

const GRANTS = `the users' grants of an OAuth client: list them, take over existing ones, forget one

import reads NDJSON, one grant a line: {"subject": "user-1", "refreshToken": "…", "scope": "asset:download"}; FILE may be
- for standard input. A faulty line is told and left out, the others move in. Run it again after an interruption: what
is there already is skipped.`;

/** Adds what people do about OAuth grants. */
export function addOAuth(program: Command, does: Does): void {
  aboutUser(program, 'login', 'have a user consent: prints the URL to open, waits for the outcome')
    .option('--no-open', 'print the URL only; else a browser is opened from a terminal')
    .option('--timeout <duration>', 'how long to wait; default: until the consent is over (10m)', timeout)
    .action((client: string, options: LoginOptions) =>
      does(async () => (await import('./login.ts')).login(client, options)),
    );
  aboutUser(program, 'token', 'print a valid access token')
    .option('--scope <scopes>', 'fewer scopes than were granted, divided by spaces')
    .action((client: string, options: TokenOptions) =>
      does(async () => (await import('./token.ts')).token(client, options)),
    );
  remote(
    program
      .command('grants')
      .summary("list, import and forget users' grants")
      .description(GRANTS)
      .argument('<client>', 'the OAuth client')
      .addArgument(new Argument('<action>', 'what to do').choices(['list', 'import', 'forget']))
      .argument('[file]', 'of import: the file, or - for standard input'),
  )
    .option('--subject <id>', 'of forget: the user')
    .option('--state <state>', 'of list: active or consent-required')
    .option('--yes', 'of forget: do not ask')
    .action((client: string, action: GrantsAction, file: string | undefined, options: GrantsOptions) =>
      does(async () => (await import('./grants.ts')).grants(client, action, file, options)),
    );
}

function aboutUser(program: Command, name: string, description: string): Command {
  return remote(
    program.command(name).description(description).argument('<client>', 'the OAuth client'),
  ).requiredOption('--subject <id>', 'the user, as your application names it');
}

function timeout(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null && ms > 0 && ms <= HOUR) return ms;
  throw new InvalidArgumentError('Expected a duration of at most 1h, such as 90s or 5m.');
}
