import type { Locate } from '../detectors/contract.ts';

/** A country database, as the log watch uses it. */
export type CountryDatabase = {
  /** Where an address lies; null where the database does not say, and for text that is no address. */
  readonly locate: Locate;
  /**
   * Takes up a newer file. Called before each poll: it looks at most every 30 s, and reads only what has changed. Gives
   * what went wrong, once for each bad file, for a person: the database that was open then stays. Never throws.
   *
   * @param now milliseconds
   */
  readonly refresh: (now: number) => Promise<string | null>;
};

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
