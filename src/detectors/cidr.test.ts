import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CidrSet, parseCidr } from './cidr.ts';
import { randomFrom } from './testing/traffic.ts';

describe('a CIDR block', () => {
  it('is the range from its first to its last address', () => {
    expect(parseCidr('203.0.113.0/28')).toEqual({ family: 4, first: 0xcb007100, last: 0xcb00710f });
    expect(parseCidr('0.0.0.0/0')).toEqual({ family: 4, first: 0, last: 0xffffffff });
    expect(parseCidr('255.255.255.255/32')).toEqual({ family: 4, first: 0xffffffff, last: 0xffffffff });
    expect(parseCidr('::/0')).toEqual({ family: 6, first: 0n, last: (1n << 128n) - 1n });
    expect(parseCidr('2001:db8::/127')).toEqual({
      family: 6,
      first: 0x20010db8n << 96n,
      last: (0x20010db8n << 96n) + 1n,
    });
  });

  it('may be a single address, and leaves bits beyond the prefix out', () => {
    expect(parseCidr('203.0.113.9')).toEqual(parseCidr('203.0.113.9/32'));
    expect(parseCidr('2001:db8::1')).toEqual(parseCidr('2001:db8::1/128'));
    expect(parseCidr('203.0.113.9/24')).toEqual(parseCidr('203.0.113.0/24'));
  });

  it('is the IPv4 block where it is one of IPv4-mapped addresses', () => {
    expect(parseCidr('::ffff:203.0.113.0/120')).toEqual(parseCidr('203.0.113.0/24'));
    expect(parseCidr('::ffff:0:0/96')).toEqual(parseCidr('0.0.0.0/0'));
    expect(parseCidr('::ffff:203.0.113.9')).toEqual(parseCidr('203.0.113.9/32'));
  });

  it.each([
    '',
    '/',
    '/24',
    '1.2.3.4/',
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '1.2.3.4/08',
    '1.2.3.4/24/1',
    '::/129',
    '::ffff:1.2.3.4/64',
    '1.2.3/24',
    '1.2.3.4/ 8',
    '1.2.3.4/2.0',
  ])('is not read from %j', (text) => {
    expect(parseCidr(text)).toBeNull();
  });
});

describe('a set of CIDR blocks', () => {
  it("agrees with Node's own list on random blocks and addresses, edges included", () => {
    const random = randomFrom(5);
    const below = (limit: number) => Math.floor(random() * limit);
    const v4 = () => `10.${below(4)}.${below(256)}.${below(256)}`;
    const v6 = () =>
      `2001:db8:${below(4).toString(16)}:${below(65_536).toString(16)}::${below(65_536).toString(16)}`;
    const reference = new BlockList();
    const blocks: string[] = [];
    for (let count = 0; count < 300; count += 1) {
      const [four, six] = [v4(), v6()];
      const [short, long] = [18 + below(15), 50 + below(79)];
      blocks.push(`${four}/${short}`, `${six}/${long}`);
      reference.addSubnet(four, short, 'ipv4');
      reference.addSubnet(six, long, 'ipv6');
    }
    const set = new CidrSet(blocks);
    const probes = [...blocks.map((block) => block.split('/')[0] ?? '')];
    for (let count = 0; count < 4_000; count += 1) probes.push(v4(), v6());
    const found = probes.map((probe) => set.has(probe));
    expect(found).toEqual(
      probes.map((probe) => reference.check(probe, probe.includes(':') ? 'ipv6' : 'ipv4')),
    );
    expect(new Set(found).size).toBe(2);
    expect(probes.map((probe) => set.has(probe))).toEqual(found);
  });

  it('holds both ends of a block and neither neighbour', () => {
    const set = new CidrSet(['203.0.113.16/28', '2001:db8::/32']);
    expect(['203.0.113.15', '203.0.113.16', '203.0.113.31', '203.0.113.32'].map((ip) => set.has(ip))).toEqual(
      [false, true, true, false],
    );
    expect(
      ['2001:db7:ffff::', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::'].map((ip) =>
        set.has(ip),
      ),
    ).toEqual([false, true, true, false]);
  });

  it('finds an IPv4-mapped address in an IPv4 block, and no IPv4 address in an IPv6 block', () => {
    expect(new CidrSet(['203.0.113.0/24']).has('::ffff:203.0.113.9')).toBe(true);
    expect(new CidrSet(['::/0']).has('203.0.113.9')).toBe(false);
  });

  it('holds nothing where it is empty, and no text that is no address', () => {
    expect(new CidrSet([]).has('203.0.113.9')).toBe(false);
    expect(new CidrSet(['0.0.0.0/0', '::/0']).has('somewhere')).toBe(false);
  });

  it('refuses to be made of what is no block', () => {
    expect(() => new CidrSet(['203.0.113.0/24', 'office'])).toThrow('"office" is no CIDR block');
  });
});
