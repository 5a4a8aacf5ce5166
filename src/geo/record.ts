import type { Geo } from '../model/index.ts';

/** Longest name of a city that is kept. */
const CITY = 120;

/** Codes that databases give where they know no country: anonymous networks, "somewhere in Europe", unknown. */
const NO_COUNTRY = new Set(['A1', 'A2', 'AP', 'EU', 'O1', 'T1', 'XX', 'ZZ']);

/**
 * What a record of a database says of a place, in whatever form: `country.iso_code` with `location` (GeoLite2, DB-IP),
 * flat `country_code` (ip-location-db), `country` as a code (IPinfo). Where it names no country: null. The country in
 * which a network is registered is none where it is used.
 */
export function geoOf(record: unknown): Geo | null {
  const country = countryOf(record);
  if (country === null) return null;
  const location = field(record, 'location') ?? record;
  const [latitude, longitude] = [
    degrees(field(location, 'latitude'), 90),
    degrees(field(location, 'longitude'), 180),
  ];
  const city = cityOf(field(record, 'city'));
  return latitude === null || longitude === null
    ? { country, city, latitude: null, longitude: null }
    : { country, city, latitude, longitude };
}

function countryOf(record: unknown): string | null {
  const country = field(record, 'country');
  for (const value of [field(country, 'iso_code'), field(record, 'country_code'), country]) {
    if (typeof value !== 'string' || !/^[A-Za-z]{2}$/.test(value)) continue;
    const code = value.toUpperCase();
    return NO_COUNTRY.has(code) ? null : code;
  }
  return null;
}

function cityOf(value: unknown): string | null {
  const name = typeof value === 'string' ? value : field(field(value, 'names'), 'en');
  return typeof name === 'string' && name !== '' ? name.slice(0, CITY) : null;
}

function degrees(value: unknown, most: number): number | null {
  return typeof value === 'number' && Math.abs(value) <= most ? value : null;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
