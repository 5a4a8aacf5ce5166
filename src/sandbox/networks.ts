import { BlockList, isIP } from 'node:net';

/** A set of CIDR blocks, IPv4 and IPv6. @throws {RangeError} where a block cannot be read */
export class Networks {
  readonly #list = new BlockList();

  constructor(blocks: readonly string[]) {
    for (const block of blocks) {
      const [address = '', prefix = ''] = block.split('/');
      const family = isIP(address);
      const length = Number(prefix);
      const longest = family === 4 ? 32 : 128;
      if (family === 0 || !/^\d{1,3}$/.test(prefix) || length > longest) {
        throw new RangeError(`${block} is no CIDR block such as 203.0.113.0/24`);
      }
      this.#list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
    }
  }

  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** An IPv4 address that came over an IPv6 socket, as itself. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '127.0.0.1').replace(/^::ffff:(?=\d+\.)/, '');
}
