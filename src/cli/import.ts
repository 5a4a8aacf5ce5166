import { acceptance, TRIAL_DEADLINE } from './adopt.ts';
import { ADMINS, connect } from './connect.ts';
import { CommandError, EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { askHidden, readKey } from './standard-input.ts';
import { print, printJson } from './terminal.ts';
import type { TakenView } from './views.ts';

/** Hands over a key that a person made: from standard input, on a terminal typed or pasted unseen. */
export async function importKey(name: string, options: RemoteOptions): Promise<number> {
  const client = await connect(options, ADMINS);
  const value = process.stdin.isTTY
    ? await askHidden(`New key of ${name} (it is not shown): `)
    : await readKey('');
  if (value.trim() === '') {
    throw new CommandError(
      EXIT.usage,
      `no key was given; give it on standard input: keywarden import ${name} < FILE`,
    );
  }
  const answer = await client.post<TakenView>(`/v1/credentials/${encodeURIComponent(name)}/import`, {
    body: { value },
    deadlineMs: TRIAL_DEADLINE,
  });
  if (options.json) printJson(answer);
  else {
    print(acceptance(name, answer.version));
    print(
      `Once nothing uses the old key (\`keywarden status\`), revoke it in the provider's console and say so: keywarden retire ${name} VERSION`,
    );
  }
  return EXIT.done;
}
