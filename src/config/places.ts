import { parseCidr } from '../detectors/cidr.ts';
import { parseAddress as parseIp } from '../detectors/ip.ts';

/** ISO 3166-1 alpha-2, officially assigned (https://www.iso.org/obp/ui/#search, country codes). */
const COUNTRIES = new Set(
  (
    'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ ' +
    'CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO ' +
    'FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE ' +
    'JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO ' +
    'MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW ' +
    'PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM ' +
    'TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW'
  ).split(' '),
);

export function isCountry(text: string): boolean {
  return COUNTRIES.has(text);
}

/** The code that was probably meant, or null. */
export function countryHint(text: string): string | null {
  const code = text.trim().toUpperCase() === 'UK' ? 'GB' : text.trim().toUpperCase();
  return COUNTRIES.has(code) ? `did you mean "${code}"?` : null;
}

/** True for a block of addresses, IPv4 or IPv6 (`203.0.113.0/24`), or a single address. */
export function isCidr(text: string): boolean {
  return parseCidr(text) !== null;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** True where only this machine can connect to `host`. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** `HOST:PORT` or `unix:PATH`. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/**
 * Where to listen; null where the text says nothing of the kind.
 *
 * @example parseAddress('[::1]:7300') // { kind: 'tcp', host: '::1', port: 7300 }
 */
export function parseAddress(text: string): Address | null {
  if (text.startsWith('unix:')) return text.length > 5 ? { kind: 'unix', path: text.slice(5) } : null;
  const [, bracketed, plain, portText] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(portText);
  if (host === undefined || port > 65_535 || (bracketed !== undefined && parseIp(bracketed) === null))
    return null;
  return { kind: 'tcp', host, port };
}
