import type { ApiConfig, Listen } from '../config/types.ts';
import { Problem } from './problem.ts';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses a Host header that is neither the listener's nor `publicUrl`'s: a page in somebody's browser whose name
 * was made to resolve here (DNS rebinding) cannot speak to the API. Probes come by any name.
 * @throws {Problem} 421
 */
export function assertHost(
  header: string | undefined,
  { api, listen, open }: { readonly api: ApiConfig; readonly listen: Listen; readonly open: boolean },
): void {
  if (open || listen.kind === 'unix') return;
  const host = header === undefined ? null : URL.parse(`http://${header}`)?.hostname;
  const own = listen.host.includes(':') ? `[${listen.host}]` : listen.host.toLowerCase();
  const everywhere = own === '0.0.0.0' || own === '[::]';
  const known = new Set([own, ...(isLoopback(own) || everywhere ? LOOPBACK : [])]);
  if (api.publicUrl !== null) known.add(new URL(api.publicUrl).hostname);
  if (host && known.has(host)) return;
  // A listener on every interface is reached by addresses nobody listed; a name must still be the public one.
  if (host && everywhere && /^(\[[0-9a-f:.]+\]|[0-9.]+)$/.test(host)) return;
  throw new Problem(421, 'wrong-host', 'the Host header names neither this listener nor publicUrl');
}

/** `host` as it stands in an address. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host) || host.startsWith('127.');
}
