import { type Authority, makeAuthority } from '../../sandbox/tls.ts';

/**
 * A fresh CA. Names, dates and further abilities: see {@link Authority}.
 *
 * @example
 * const ca = await makeCa();
 * await using server = await serve(handler, { tls: await ca.issue({ names: ['api.example.com'] }) });
 */
export function makeCa(name = 'Test CA'): Promise<Authority> {
  return makeAuthority(name);
}
