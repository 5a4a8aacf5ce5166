import { type Habits, knownBefore } from './habits.ts';
import { networkOf } from './ip.ts';
import type { Directory, KeyFacts } from './places.ts';

/** What is at hand of keys. */
export type Known = { readonly directory: Directory; readonly habits: Habits };

/** Whether a key of the same credential was accepted before from the address's network (/24, /48). */
export function knownNetwork(key: KeyFacts, ip: string, at: number, known: Known): boolean {
  const network = networkOf(ip);
  return knownSource(key, at, known, (other) => networkOf(other) === network);
}

/** Whether a key of the same credential was accepted before from an address that `which` picks. */
export function knownSource(
  { keyId, credential }: KeyFacts,
  at: number,
  { directory, habits }: Known,
  which: (ip: string) => boolean,
): boolean {
  const keys = credential === null ? [keyId] : directory.keysOf(credential);
  return keys.some((other) => {
    for (const [ip, source] of habits.of(other)?.sources ?? []) {
      if (knownBefore(source, at) && which(ip)) return true;
    }
    return false;
  });
}
