import { connect, VALUE_READERS } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { printJson } from './terminal.ts';

/** Prints the current value and nothing else; a line end only where a person looks at it. */
export async function get(name: string, options: RemoteOptions): Promise<number> {
  const client = await connect(options, VALUE_READERS);
  const secret = await client.get<{ value: string }>(`/v1/credentials/${encodeURIComponent(name)}/secret`);
  if (options.json) printJson(secret);
  else process.stdout.write(process.stdout.isTTY ? `${secret.value}\n` : secret.value);
  return EXIT.done;
}
