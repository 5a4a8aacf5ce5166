import { ADMINS, connect } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { print, printJson } from './terminal.ts';
import type { TakenView } from './views.ts';

/** Tells the daemon that a superseded key was revoked. @param version its id or its number */
export async function retire(name: string, version: string, options: RemoteOptions): Promise<number> {
  const client = await connect(options, ADMINS);
  const [credential, which] = [encodeURIComponent(name), encodeURIComponent(version)];
  const answer = await client.post<TakenView>(`/v1/credentials/${credential}/versions/${which}/retire`);
  if (options.json) printJson(answer);
  else {
    const { number, keyId, state } = answer.version;
    print(`${name}: version ${number}${keyId === null ? '' : ` (${keyId})`} is ${state}`);
  }
  return EXIT.done;
}
