import { parseCidr } from '../../detectors/cidr.ts';

/** What stands in a record of a database. */
export type Field = string | number | { readonly [name: string]: Field };

const METADATA = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex');

/**
 * A database in MaxMind's format 2.0 (https://maxmind.github.io/MaxMind-DB/) of these blocks, none within another, in
 * records of 24 bits. IPv4 blocks stand at ::/96 where the database is one of IPv6.
 */
export function databaseOf(
  blocks: Readonly<Record<string, Field>>,
  { type = 'Test-City', version = 6 }: { readonly type?: string; readonly version?: 4 | 6 } = {},
): Buffer {
  const data: Buffer[] = [];
  const nodes: [Link, Link][] = [[null, null]];
  let size = 0;
  for (const [block, record] of Object.entries(blocks)) {
    insert(nodes, bitsOf(block, version), size);
    const encoded = encode(record);
    data.push(encoded);
    size += encoded.length;
  }
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, links] of nodes.entries()) {
    for (const [side, link] of links.entries())
      tree.writeUIntBE(recordOf(link, nodes.length), index * 6 + side * 3, 3);
  }
  const metadata = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_790_000_000,
    database_type: type,
    ip_version: version,
    node_count: nodes.length,
    record_size: 24,
  };
  return Buffer.concat([tree, Buffer.alloc(16), ...data, METADATA, encode(metadata, true)]);
}

/** Where one side of a node leads: to another node, to data, nowhere. */
type Link = { readonly node: number } | { readonly data: number } | null;

function recordOf(link: Link, count: number): number {
  if (link === null) return count;
  return 'node' in link ? link.node : count + 16 + link.data;
}

function insert(nodes: [Link, Link][], bits: string, data: number): void {
  let at = 0;
  for (const [index, bit] of [...bits].entries()) {
    const side = bit === '1' ? 1 : 0;
    const node = nodes[at];
    if (node === undefined) throw new RangeError('no such node');
    if (index === bits.length - 1) {
      node[side] = { data };
      return;
    }
    let link = node[side];
    if (link === null || !('node' in link)) {
      link = { node: nodes.length };
      nodes.push([null, null]);
      node[side] = link;
    }
    at = link.node;
  }
}

/** The bits of a block's prefix. */
function bitsOf(block: string, version: 4 | 6): string {
  const range = parseCidr(block);
  if (range === null) throw new TypeError(`${block} is no block`);
  if (range.family === 6) return prefix(range.first, range.last, 128);
  const bits = prefix(BigInt(range.first), BigInt(range.last), 32);
  return version === 6 ? '0'.repeat(96) + bits : bits;
}

function prefix(first: bigint, last: bigint, width: number): string {
  const free = first === last ? 0 : (last - first).toString(2).length;
  return first
    .toString(2)
    .padStart(width, '0')
    .slice(0, width - free);
}

function encode(field: Field, whole = false): Buffer {
  if (typeof field === 'string') {
    const text = Buffer.from(field);
    return Buffer.concat([head(2, text.length), text]);
  }
  if (typeof field === 'number') {
    const number = Buffer.alloc(whole ? 4 : 8);
    if (whole) number.writeUInt32BE(field);
    else number.writeDoubleBE(field);
    return Buffer.concat([head(whole ? 6 : 3, number.length), number]);
  }
  const entries = Object.entries(field);
  return Buffer.concat([
    head(7, entries.length),
    ...entries.flatMap(([name, value]) => [encode(name), encode(value, whole)]),
  ]);
}

function head(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
}
