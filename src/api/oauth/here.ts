import type { ApiConfig } from '../../config/types.ts';
import { isLoopback } from '../host.ts';

/** Where the provider sends a user's browser back to, below `api.publicUrl`. */
export const CALLBACK_PATH = '/oauth/callback';

/**
 * Whether `redirectUri` is Keywarden's own callback: below its public address, or at its listener, which the browser of
 * somebody on this machine may call by any name of the loopback. All else is an application's, which finishes its consents
 * itself.
 *
 * @example leadsHere('http://127.0.0.1:7300/oauth/callback', api)
 */
export function leadsHere(
  redirectUri: string,
  { publicUrl, listen }: Pick<ApiConfig, 'publicUrl' | 'listen'>,
): boolean {
  if (publicUrl !== null && redirectUri === publicUrl + CALLBACK_PATH) return true;
  const url = URL.parse(redirectUri);
  if (url === null || url.pathname !== CALLBACK_PATH || url.search !== '') return false;
  // Whatever forwards to a socket, or to a port that the system chose, has a port that nobody wrote down here.
  if (listen.kind === 'unix') return isLoopback(url.hostname);
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (listen.port !== 0 && listen.port !== port) return false;
  const own = listen.host.includes(':') ? `[${listen.host}]` : listen.host.toLowerCase();
  const local = isLoopback(own) || own === '0.0.0.0' || own === '[::]';
  return url.hostname === own || (local && isLoopback(url.hostname));
}
