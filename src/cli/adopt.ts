import { ADMINS, connect } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { readKey } from './standard-input.ts';
import { print, printJson } from './terminal.ts';
import type { TakenView } from './views.ts';

/** The daemon tries the value at the provider before it answers. */
export const TRIAL_DEADLINE = 60_000;

/** Hands over the key on standard input; without one asks the daemon to look again in the destinations. */
export async function adopt(name: string, options: RemoteOptions): Promise<number> {
  const client = await connect(options, ADMINS);
  const hint = ' (give </dev/null to look in the destinations instead)';
  const value = process.stdin.isTTY ? '' : await readKey(hint);
  const path = `/v1/credentials/${encodeURIComponent(name)}/adopt`;
  const answer = await client.post<Partial<TakenView>>(path, {
    body: value === '' ? {} : { value },
    deadlineMs: TRIAL_DEADLINE,
  });
  if (options.json) printJson(answer);
  else if (answer.version === undefined) {
    print(
      `${name}: looking for the newest working key in its destinations; \`keywarden status\` shows the outcome`,
    );
  } else print(acceptance(name, answer.version));
  return EXIT.done;
}

/** What became of a key that a person handed over. */
export function acceptance(name: string, { number, keyId }: TakenView['version']): string {
  return `${name}: the key ${keyId ?? 'given'} is accepted; it is version ${number} and goes to every destination`;
}
