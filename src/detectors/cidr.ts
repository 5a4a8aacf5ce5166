import { type Address, parseAddress } from './ip.ts';

/** The addresses from `first` to `last`, both included, of one family. */
export type Range =
  | { readonly family: 4; readonly first: number; readonly last: number }
  | { readonly family: 6; readonly first: bigint; readonly last: bigint };

const PREFIX = /^(?:0|[1-9]\d{0,2})$/;

/**
 * The block that `text` writes, or null where it is none. A single address is a block of one; bits
 * beyond the prefix are ignored; a block of IPv4-mapped addresses is the IPv4 block (RFC 4291, 2.5.5.2).
 *
 * @example parseCidr('203.0.113.0/28') // { family: 4, first: 0xcb007100, last: 0xcb00710f }
 */
export function parseCidr(text: string): Range | null {
  const [base = '', prefix, ...rest] = text.split('/');
  const address = parseAddress(base);
  if (address === null || rest.length > 0) return null;
  // A mapped address is written in 128 bits, its prefix counts from there.
  const offset = address.family === 4 && base.includes(':') ? 96 : 0;
  const width = address.family === 4 ? 32 : 128;
  if (prefix === undefined) return block(address, width);
  if (!PREFIX.test(prefix)) return null;
  const bits = Number(prefix) - offset;
  return bits < 0 || bits > width ? null : block(address, bits);
}

function block(address: Address, bits: number): Range {
  if (address.family === 4) {
    const size = 2 ** (32 - bits);
    const first = Math.floor(address.value / size) * size;
    return { family: 4, first, last: first + size - 1 };
  }
  const shift = BigInt(128 - bits);
  const first = (address.value >> shift) << shift;
  return { family: 6, first, last: first + (1n << shift) - 1n };
}

/** How many answers a list remembers. An address comes many times, and its text is faster to find than its place. */
const REMEMBERED = 8_192;

/** A set of CIDR blocks that answers for an address in a few comparisons, however many blocks there are. */
export class CidrSet {
  readonly #v4: { readonly firsts: readonly number[]; readonly lasts: readonly number[] };
  readonly #v6: { readonly firsts: readonly bigint[]; readonly lasts: readonly bigint[] };
  readonly #answers = new Map<string, boolean>();
  /** How many blocks it was made of. */
  readonly size: number;

  /** @throws {TypeError} where a text is no block; the configuration's schema has checked them with {@link parseCidr} */
  constructor(blocks: readonly string[]) {
    this.size = blocks.length;
    const v4: [number, number][] = [];
    const v6: [bigint, bigint][] = [];
    for (const text of blocks) {
      const range = parseCidr(text);
      if (range === null) throw new TypeError(`"${text}" is no CIDR block such as 203.0.113.0/24`);
      if (range.family === 4) v4.push([range.first, range.last]);
      else v6.push([range.first, range.last]);
    }
    this.#v4 = merged(v4);
    this.#v6 = merged(v6);
  }

  /** Whether a block holds the address. Text that is no address is in no block. */
  has(text: string): boolean {
    const known = this.#answers.get(text);
    if (known !== undefined) return known;
    const address = parseAddress(text);
    const answer = address !== null && this.#holds(address);
    if (this.#answers.size >= REMEMBERED) this.#answers.clear();
    this.#answers.set(text, answer);
    return answer;
  }

  #holds(address: Address): boolean {
    return address.family === 4
      ? within(this.#v4.firsts, this.#v4.lasts, address.value)
      : within(this.#v6.firsts, this.#v6.lasts, address.value);
  }
}

/** The ranges in order, those that overlap made one: firsts and lasts both rise. */
function merged<T extends number | bigint>(ranges: [T, T][]): { firsts: T[]; lasts: T[] } {
  ranges.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const firsts: T[] = [];
  const lasts: T[] = [];
  for (const [first, last] of ranges) {
    const end = lasts.at(-1);
    if (end === undefined || first > end) {
      firsts.push(first);
      lasts.push(last);
    } else if (last > end) lasts[lasts.length - 1] = last;
  }
  return { firsts, lasts };
}

function within<T extends number | bigint>(firsts: readonly T[], lasts: readonly T[], value: T): boolean {
  let low = 0;
  let high = firsts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const first = firsts[middle];
    if (first !== undefined && first <= value) low = middle + 1;
    else high = middle;
  }
  const last = lasts[low - 1];
  return last !== undefined && value <= last;
}
