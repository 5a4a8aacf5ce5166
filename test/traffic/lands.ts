import type { Geo } from '../../src/model/index.ts';
import type { Draw } from './draw.ts';

/** A block of addresses (a /16) with where it lies. */
export type Land = { readonly block: string; readonly geo: Geo };

/**
 * Blocks that the public country databases place as here, so that a log can be watched with and without the provider's
 * word. Nobody's address is meant by what is drawn in them.
 */
function land(block: string, country: string, city: string, latitude: number, longitude: number): Land {
  return { block, geo: { country, city, latitude, longitude } };
}

const FRANKFURT = land('3.120', 'DE', 'Frankfurt', 50.11, 8.68);
const ASHBURN = land('3.80', 'US', 'Ashburn', 39.04, -77.49);

/** Where the account's machines stand. */
export const CLOUDS: readonly Land[] = [FRANKFURT, ASHBURN];

/** Where its people are. */
export const HOMES: readonly Land[] = [
  land('91.10', 'DE', 'Berlin', 52.52, 13.4),
  land('73.20', 'US', 'Boston', 42.36, -71.06),
  land('109.144', 'GB', 'London', 51.51, -0.13),
  land('90.10', 'FR', 'Lyon', 45.76, 4.84),
];

/** Other networks of the same countries, from which nobody of the account ever calls. */
const NEARBY: readonly Land[] = [
  land('87.150', 'DE', 'Berlin', 52.52, 13.4),
  land('24.16', 'US', 'Boston', 42.36, -71.06),
  land('81.130', 'GB', 'London', 51.51, -0.13),
  land('86.200', 'FR', 'Lyon', 45.76, 4.84),
];

/** A network in the same country that is not the account's. @throws {RangeError} where there is none */
export function near({ geo }: Land): Land {
  const found = NEARBY.find((each) => each.geo.country === geo.country);
  if (found === undefined) throw new RangeError(`there is no other network in ${geo.country}`);
  return found;
}

/** Where none of it is. */
export const ELSEWHERE: readonly Land[] = [
  land('95.24', 'RU', 'Moscow', 55.75, 37.62),
  land('114.80', 'CN', 'Shanghai', 31.23, 121.47),
  land('189.10', 'BR', 'São Paulo', -23.55, -46.63),
  land('14.160', 'VN', 'Hanoi', 21.03, 105.85),
  land('49.36', 'IN', 'Mumbai', 19.08, 72.88),
  land('102.89', 'NG', 'Lagos', 6.45, 3.39),
  land('126.1', 'JP', 'Tokyo', 35.68, 139.69),
];

const LANDS = new Map([...CLOUDS, ...HOMES, ...NEARBY, ...ELSEWHERE].map((found) => [found.block, found]));

/** Any address there. */
export function addressIn({ block }: Land, draw: Draw): string {
  return `${block}.${draw.below(256)}.${draw.whole(1, 254)}`;
}

/** What a country database says: the country, and nothing nearer. */
export function locate(ip: string): Geo | null {
  const found = LANDS.get(ip.split('.', 2).join('.'));
  if (found === undefined) return null;
  return { country: found.geo.country, city: null, latitude: null, longitude: null };
}

/** Where an address of {@link addressIn} lies, as the provider tells it. */
export function geoOf(ip: string): Geo | null {
  return LANDS.get(ip.split('.', 2).join('.'))?.geo ?? null;
}
