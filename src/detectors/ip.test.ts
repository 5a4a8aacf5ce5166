import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { compareAddresses, networkOf, parseAddress } from './ip.ts';
import { randomFrom } from './testing/traffic.ts';

describe('an address', () => {
  it('is read in every form that writes it', () => {
    expect(parseAddress('203.0.113.9')).toEqual({ family: 4, value: 0xcb007109 });
    expect(parseAddress('255.255.255.255')).toEqual({ family: 4, value: 0xffffffff });
    expect(parseAddress('::')).toEqual({ family: 6, value: 0n });
    expect(parseAddress('::1')).toEqual({ family: 6, value: 1n });
    expect(parseAddress('1::')).toEqual({ family: 6, value: 1n << 112n });
    expect(parseAddress('2001:DB8:0:0:0:0:0:1')).toEqual(parseAddress('2001:db8::1'));
    expect(parseAddress('64:ff9b::192.0.2.33')).toEqual(parseAddress('64:ff9b::c000:221'));
  });

  it('is the IPv4 address where it is an IPv4-mapped one', () => {
    expect(parseAddress('::ffff:203.0.113.9')).toEqual({ family: 4, value: 0xcb007109 });
    expect(parseAddress('::FFFF:cb00:7109')).toEqual({ family: 4, value: 0xcb007109 });
    expect(parseAddress('0:0:0:0:0:ffff:203.0.113.9')).toEqual({ family: 4, value: 0xcb007109 });
  });

  it.each([
    '',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '0x1.2.3.4',
    '1.2.3.4:80',
    '1..3.4',
    '-1.2.3.4',
    '1e1.2.3.4',
    '١.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '[::1]',
    'fe80::1%eth0',
    '::1.2.3.4.5',
    '1.2.3.4::',
    '::1.2.3.4:1',
    ':1::',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('is not read from %j', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it("is told from other text as Node's own parser tells it", () => {
    const random = randomFrom(11);
    const pieces = ['0', '1', 'ffff', 'db8', ':', ':', '::', '.', '1.2.3.4', '255', 'a', '00', '256'];
    let addresses = 0;
    const differ: string[] = [];
    for (let turn = 0; turn < 60_000; turn += 1) {
      const length = 1 + Math.floor(random() * 15);
      const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join('');
      const valid = isIP(text) !== 0;
      if ((parseAddress(text) !== null) !== valid) differ.push(text);
      if (valid) addresses += 1;
    }
    expect(differ).toEqual([]);
    expect(addresses).toBeGreaterThan(100);
  });

  it('sorts by family and value', () => {
    const sorted = ['0.0.0.0', '9.0.0.1', '10.0.0.0', '200.1.1.1', '::', '::1', '2001:db8::', 'ffff::'];
    const parsed = sorted.map(parseAddress).filter((address) => address !== null);
    expect(parsed.toReversed().sort(compareAddresses)).toEqual(parsed);
    expect(parsed.map((address) => compareAddresses(address, address))).toEqual(parsed.map(() => 0));
  });
});

describe('the network of a source', () => {
  it('is the /24 or the /48, whatever the form of the address', () => {
    expect(networkOf('203.0.113.9')).toBe('203.0.113.0/24');
    expect(networkOf('255.255.255.255')).toBe('255.255.255.0/24');
    expect(networkOf('::ffff:203.0.113.77')).toBe('203.0.113.0/24');
    expect(networkOf('2001:db8:1:2::5')).toBe('2001:db8:1::/48');
    expect(networkOf('2001:0DB8:0001:ffff::')).toBe('2001:db8:1::/48');
    expect(networkOf('unknown')).toBe('unknown');
  });
});
