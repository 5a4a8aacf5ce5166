import { connect, OPERATORS } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { print, printJson } from './terminal.ts';

/** Ends a pause. */
export async function resume(name: string, options: RemoteOptions): Promise<number> {
  const client = await connect(options, OPERATORS);
  const answer = await client.post<object>(`/v1/credentials/${encodeURIComponent(name)}/resume`);
  if (options.json) printJson(answer);
  else print(`${name}: rotations are scheduled again; \`keywarden status\` shows when the next one is due`);
  return EXIT.done;
}
