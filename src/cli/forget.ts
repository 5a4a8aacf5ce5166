import { ADMINS, connect } from './connect.ts';
import { CommandError, EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { confirm } from './standard-input.ts';
import { print, printJson } from './terminal.ts';

/** Purges a credential that is no longer configured, once a person has said yes. */
export async function forget(
  name: string,
  options: RemoteOptions & { readonly yes?: boolean },
): Promise<number> {
  const client = await connect(options, ADMINS);
  if (!options.yes) await consent(name);
  const answer = await client.post<object>(`/v1/credentials/${encodeURIComponent(name)}/forget`);
  if (options.json) printJson(answer);
  else print(`${name}: purged; its keys still work at the provider until somebody revokes them there`);
  return EXIT.done;
}

async function consent(name: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CommandError(
      EXIT.usage,
      'standard input is no terminal, so nobody can be asked; give --yes to purge without a question',
    );
  }
  const question = `Purge ${name}: every key that Keywarden holds of it, its rotations and its destinations?`;
  if (!(await confirm(question))) throw new CommandError(EXIT.failed, `${name} was not purged`);
}
