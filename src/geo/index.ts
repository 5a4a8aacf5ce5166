import type { CountryDatabase } from './contract.ts';

export type { CountryDatabase } from './contract.ts';

/**
 * Opens a country or city database in MaxMind's format (`.mmdb`). The reader is loaded with the first one.
 *
 * @throws {EdgeError} `geoip_missing`, `geoip_unreadable`: the message says where free ones come from
 * @example
 * const { locate, refresh } = await openGeo({ path: '/var/lib/keywarden/country.mmdb' });
 * locate('203.0.113.9')?.country // 'AU'
 */
export async function openGeo(options: { readonly path: string }): Promise<CountryDatabase> {
  const { open } = await import('./adapter.ts');
  return open(options.path);
}
