import { SECOND } from '../../model/index.ts';
import { connect, VALUE_READERS } from '../connect.ts';
import { EXIT } from '../exit.ts';
import type { RemoteOptions } from '../options.ts';
import { printJson } from '../terminal.ts';
import type { TokenView } from '../views.ts';
import { oauthPath } from './paths.ts';

export type TokenOptions = RemoteOptions & { readonly subject: string; readonly scope?: string };

/** The daemon may have to refresh it first, which takes up to 20 s. */
const DEADLINE = 30 * SECOND;

/** Prints an access token and nothing else; a line end only where a person looks at it. */
export async function token(client: string, options: TokenOptions): Promise<number> {
  const query = options.scope === undefined ? '' : `?scope=${encodeURIComponent(options.scope)}`;
  const path = oauthPath(client, 'grants', options.subject, 'access-token');
  const daemon = await connect(options, VALUE_READERS);
  const answer = await daemon.get<TokenView>(path + query, { deadlineMs: DEADLINE });
  if (options.json) printJson(answer);
  else process.stdout.write(process.stdout.isTTY ? `${answer.accessToken}\n` : answer.accessToken);
  return EXIT.done;
}
