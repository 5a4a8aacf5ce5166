/** An IP address. An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) is the IPv4 address it stands for. */
export type Address =
  | { readonly family: 4; readonly value: number }
  | { readonly family: 6; readonly value: bigint };

/** The code of a dot, less that of a nought. */
const DOT = 46 - 48;
const GROUP = /^[0-9a-f]{1,4}$/i;
const MAPPED = 0xffffn << 32n;

/**
 * The address that `text` writes, or null where it is none. Strict: octets without leading zeros
 * (which some read as octal, RFC 6943, 3.1.1), no zone, no port, no brackets, no surrounding space.
 *
 * @example parseAddress('::ffff:203.0.113.9') // { family: 4, value: 0xcb007109 }
 */
export function parseAddress(text: string): Address | null {
  if (!text.includes(':')) {
    const value = parseV4(text);
    return value === null ? null : { family: 4, value };
  }
  const value = parseV6(text);
  if (value === null) return null;
  return value >> 32n === 0xffffn ? { family: 4, value: Number(value - MAPPED) } : { family: 6, value };
}

function parseV4(text: string): number | null {
  if (text.length > 15) return null;
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let index = 0; index < text.length; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (digit === DOT) {
      if (digits === 0) return null;
      value = value * 256 + octet;
      octet = 0;
      digits = 0;
      dots += 1;
      continue;
    }
    if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return null;
    octet = octet * 10 + digit;
    digits += 1;
    if (octet > 255) return null;
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : null;
}

function parseV6(text: string): bigint | null {
  if (text.length > 45) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  let value = 0n;
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) {
    value = (value << 16n) | BigInt(group);
  }
  return value;
}

/** The 16-bit groups of one side of `::`; an IPv4 address may end the whole. */
function groupsOf(text: string, last: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const v4 = last && index === parts.length - 1 ? parseV4(part) : null;
    if (v4 === null) return null;
    groups.push(Math.floor(v4 / 65_536), v4 % 65_536);
  }
  return groups;
}

/** Less than, equal to or greater than zero as `a` sorts before, with or after `b`; IPv4 before IPv6. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/**
 * The network a source is counted by: /24 of IPv4, /48 of IPv6 (a site's usual share, RFC 6177).
 * Text that is no address is its own network.
 *
 * @example networkOf('203.0.113.9') // '203.0.113.0/24'
 */
export function networkOf(text: string): string {
  const address = parseAddress(text);
  if (address === null) return text;
  if (address.family === 4) {
    const [a, b, c] = [24, 16, 8].map((shift) => (address.value >>> shift) & 255);
    return `${a}.${b}.${c}.0/24`;
  }
  const groups = [112n, 96n, 80n].map((shift) => ((address.value >> shift) & 0xffffn).toString(16));
  return `${groups.join(':')}::/48`;
}
