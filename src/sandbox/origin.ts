import { isIP } from 'node:net';
import { Networks } from './networks.ts';

/** Where a request came from, in the form of the log. */
export type WireGeo = {
  readonly country: string;
  readonly city: string | null;
  readonly latitude?: number;
  readonly longitude?: number;
};

export type Origin = { readonly ip: string; readonly geo: WireGeo | null };

/** The sandbox stands in Frankfurt; the documentation networks (RFC 5737, RFC 3849) are given places of their own. */
const PLACES: ReadonlyArray<readonly [Networks, WireGeo]> = [
  place(['127.0.0.0/8', '::1/128', '203.0.113.0/24'], 'DE', 'Frankfurt am Main', 50.11, 8.68),
  place(['10.0.0.0/8', '2001:db8::/32'], 'DE', 'Berlin', 52.52, 13.4),
  place(['198.51.100.0/24'], 'US', 'Ashburn', 39.04, -77.49),
  place(['192.0.2.0/24'], 'BR', 'São Paulo', -23.55, -46.63),
  place(['198.18.0.0/15'], 'SG', 'Singapore', 1.35, 103.82),
];

function place(
  blocks: readonly string[],
  country: string,
  city: string,
  latitude: number,
  longitude: number,
): readonly [Networks, WireGeo] {
  return [new Networks(blocks), { country, city, latitude, longitude }];
}

/** The built-in table's word on an address; null for the rest of the world. */
export function geoOf(ip: string): WireGeo | null {
  return PLACES.find(([networks]) => networks.has(ip))?.[1] ?? null;
}

/**
 * Reads the sandbox's own header `X-Sandbox-From: ip;country;city;lat;lon`, by which a caller on loopback comes from
 * anywhere. All but the address may be left out (then the built-in table answers); the city is percent-encoded.
 * Null where the header cannot be read.
 *
 * @example parseOrigin('198.51.100.7;US;New%20York;40.7;-74.0')
 */
export function parseOrigin(header: string): Origin | null {
  const [ip = '', country = '', city = '', latitude = '', longitude = ''] = header
    .split(';')
    .map((s) => s.trim());
  if (isIP(ip) === 0) return null;
  if (country === '') return { ip, geo: geoOf(ip) };
  if (!/^[A-Z]{2}$/.test(country)) return null;
  const name = decoded(city);
  if (name === null) return null;
  const geo = { country, city: name === '' ? null : name };
  if (latitude === '' && longitude === '') return { ip, geo };
  const [lat, lon] = [Number(latitude), Number(longitude)];
  if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) return null;
  return { ip, geo: { ...geo, latitude: lat, longitude: lon } };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
