import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction, SocketAddress } from 'node:net';

/** Address ranges that nothing Keywarden is configured to reach should be in: where a cloud hands out credentials. */
const REFUSED: ReadonlyArray<readonly [network: string, prefix: number]> = [
  ['0.0.0.0', 8], // unspecified ("this network", RFC 1122): connects to loopback
  ['169.254.0.0', 16], // link-local (RFC 3927), with the metadata services of most clouds
  ['100.100.100.200', 32], // Alibaba Cloud metadata
  ['168.63.129.16', 32], // Azure platform channel
  ['192.0.0.192', 32], // Oracle Cloud metadata
  ['::', 128], // unspecified
  ['fe80::', 10], // link-local (RFC 4291)
  ['fd00:ec2::254', 128], // AWS metadata
  ['fd20:ce::254', 128], // Google Cloud metadata
  ['64:ff9b::a9fe:0', 112], // 169.254.0.0/16 through NAT64 (RFC 6052)
  ['2002:a9fe::', 32], // 169.254.0.0/16 through 6to4 (RFC 3056)
];

const refused = new BlockList();
for (const [network, prefix] of REFUSED) {
  // Not by isIP: its pattern for IPv6 takes 4 ms to compile, and every start would wait for it.
  refused.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4');
}

/** `network.allow` as {@link isRefused} wants it: names in lower case, addresses in their one canonical spelling. */
export function normalizeAllow(allow: readonly string[]): ReadonlySet<string> {
  return new Set(allow.map((entry) => canonical(entry) ?? entry.toLowerCase()));
}

/**
 * True where `address` is link-local, unspecified or a metadata service, and neither it nor `host` is allowed.
 * Loopback, private and public addresses are fine. IPv4 written as IPv6 (`::ffff:169.254.169.254`) is seen through.
 *
 * @example isRefused('metadata.internal', '169.254.169.254', new Set()) // true
 */
export function isRefused(host: string, address: string, allow: ReadonlySet<string>): boolean {
  const plain = canonical(address);
  if (plain === null) return true;
  if (!refused.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')) return false;
  return !allow.has(host.toLowerCase()) && !allow.has(plain);
}

function canonical(text: string): string | null {
  const address = text.replace(/%.*$/, '');
  const family = isIP(address);
  if (family === 0) return null;
  return new SocketAddress({ address, family: family === 6 ? 'ipv6' : 'ipv4' }).address;
}

/** A name led to an address that {@link isRefused}. Made at connect time, so that a name that changes its address gains nothing. */
export class RefusedAddress extends Error {
  readonly address: string;

  constructor(address: string) {
    super(`refused address ${address}`);
    this.name = 'RefusedAddress';
    this.address = address;
  }
}

/** How names become addresses: `dns.lookup`, or a test's stand-in. */
export type Resolve = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** A look-up for sockets that fails with {@link RefusedAddress} where any address of the name is refused. */
export function guardedLookup(allow: ReadonlySet<string>, resolve: Resolve = lookup): LookupFunction {
  return (host, options, callback) => {
    const { family, hints, order } = options;
    const all: LookupAllOptions = {
      all: true,
      ...(family === undefined ? {} : { family }),
      ...(hints === undefined ? {} : { hints }),
      ...(order === undefined ? {} : { order }),
    };
    resolve(host, all, (error, addresses) => {
      if (error !== null) return callback(error, '');
      const bad = addresses.find(({ address }) => isRefused(host, address, allow));
      if (bad !== undefined) return callback(new RefusedAddress(bad.address), '');
      const [first] = addresses;
      if (options.all === true) return callback(null, addresses);
      if (first === undefined)
        return callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '');
      callback(null, first.address, first.family);
    });
  };
}
