import { once } from 'node:events';
import type { Client } from '../client.ts';
import { ADMINS, connect, VALUE_READERS } from '../connect.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { RemoteOptions } from '../options.ts';
import { confirm } from '../standard-input.ts';
import { type Cell, table } from '../table.ts';
import { print, printable, printJson } from '../terminal.ts';
import type { GrantView } from '../views.ts';
import { relative } from '../when.ts';
import { importGrants } from './import.ts';
import { oauthPath } from './paths.ts';

export type GrantsAction = 'list' | 'import' | 'forget';

export type GrantsOptions = RemoteOptions & {
  readonly subject?: string;
  readonly state?: string;
  readonly yes?: boolean;
};

/** Which option each action takes; any other is a mistake. */
const OWN: Readonly<Record<GrantsAction, readonly string[]>> = {
  list: ['state'],
  import: [],
  forget: ['subject', 'yes'],
};

/** So many rows are asked for at once. */
const PAGE = 500;

/** Lists the grants of a client, takes over existing ones, or forgets one. */
export async function grants(
  client: string,
  action: GrantsAction,
  file: string | undefined,
  options: GrantsOptions,
): Promise<number> {
  for (const name of ['subject', 'state', 'yes'] as const) {
    if (options[name] === undefined || OWN[action].includes(name)) continue;
    throw new CommandError(EXIT.usage, `--${name} has no meaning beside ${action}`);
  }
  if (action === 'import') {
    if (file !== undefined)
      return importGrants(await connect(options, ADMINS), client, file, options.json === true);
    throw new CommandError(
      EXIT.usage,
      `name the file: \`keywarden grants ${client} import FILE\`, or - for standard input`,
    );
  }
  if (file !== undefined)
    throw new CommandError(EXIT.usage, `${action} takes no file: ${JSON.stringify(file)}`);
  if (action === 'list') return list(client, options);
  const { subject } = options;
  if (subject === undefined)
    throw new CommandError(EXIT.usage, `name the user: \`keywarden grants ${client} forget --subject ID\``);
  return forget(client, { ...options, subject });
}

type Page = { readonly grants: readonly GrantView[]; readonly nextCursor: string | null };

async function* pagesOf(daemon: Client, client: string, state: string | undefined): AsyncGenerator<Page> {
  const of = state === undefined ? '' : `&state=${encodeURIComponent(state)}`;
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page = await daemon.get<Page>(`${oauthPath(client, 'grants')}?limit=${PAGE}${of}${from}`);
    yield page;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/** Every page, each printed before the next is asked for: there may be a million. */
async function list(client: string, options: GrantsOptions): Promise<number> {
  const daemon = await connect(options);
  let count = 0;
  for await (const page of pagesOf(daemon, client, options.state)) {
    if (options.json) await write(jsonRows(page.grants, count === 0));
    else if (page.grants.length > 0) await write(rows(page.grants, daemon.now, count === 0));
    count += page.grants.length;
  }
  if (options.json) print('],"nextCursor":null}');
  else if (count === 0) print('No grants.');
  return EXIT.done;
}

function jsonRows(grants: readonly GrantView[], first: boolean): string {
  const divider = first ? '{"grants":[\n' : grants.length > 0 ? ',\n' : '';
  return divider + grants.map((grant) => JSON.stringify(grant)).join(',\n');
}

function rows(grants: readonly GrantView[], now: number, first: boolean): string {
  const text = table(
    ['SUBJECT', 'STATE', 'CONSENTED', 'RENEWED', 'USED', 'SCOPE'],
    grants.map((grant): Cell[] => [
      grant.subject,
      grant.state === 'active' ? { text: grant.state, how: 'green' } : { text: grant.state, how: 'red' },
      relative(grant.consentedAt, now),
      relative(grant.renewedAt, now),
      relative(grant.usedAt, now),
      grant.scope,
    ]),
  );
  return `${first ? text : text.slice(text.indexOf('\n') + 1)}\n`;
}

/** Waits where the reader is slower than we are. */
async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

async function forget(
  client: string,
  options: GrantsOptions & { readonly subject: string },
): Promise<number> {
  const path = oauthPath(client, 'grants', options.subject);
  const daemon = await connect(options, VALUE_READERS);
  const subject = printable(options.subject);
  if (!options.yes) await consent(client, subject);
  const answer = await daemon.delete<object>(path);
  if (options.json) printJson(answer);
  else
    print(
      `${subject}: forgotten; no token of it is handed out any more, and it is revoked where the provider can do that`,
    );
  return EXIT.done;
}

async function consent(client: string, subject: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CommandError(
      EXIT.usage,
      'standard input is no terminal, so nobody can be asked; give --yes to forget without a question',
    );
  }
  const question = `Forget the grant of ${subject} to ${client}? Only the user can give it again.`;
  if (!(await confirm(question))) throw new CommandError(EXIT.failed, `${subject} was not forgotten`);
}
