import { describe, expect, it } from 'vitest';
import { DAY, type LogEvent, MINUTE } from '../model/index.ts';
import type { ManagedKey } from './contract.ts';
import { begun, play, rulesWith } from './testing/play.ts';
import { event, onTime } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const SCRIPT = { from: START, until: START + 4 * DAY, every: 5 * MINUTE };

function from(country: string): LogEvent['geo'] {
  return { country, city: null, latitude: null, longitude: null };
}

function call(minute: number, over: Partial<LogEvent>): LogEvent {
  return event({ id: `call-${minute}-${JSON.stringify(over)}`, time: START + minute * MINUTE, ...over });
}

const abroad = { ...SCRIPT, rules: rulesWith({ geolocations: ['DE'] }) };
const outside = { ...SCRIPT, rules: rulesWith({ ipAllowlist: ['203.0.113.0/24', '2001:db8::/32'] }) };

describe('an accepted call from a country that is not registered', () => {
  it('is critical, one episode for each key and country, ended after a quiet day', () => {
    const events = [
      call(10, { geo: from('BR'), ip: '192.0.2.1' }),
      call(11, { geo: from('BR'), ip: '192.0.2.2' }),
      call(12, { geo: from('BR'), ip: '192.0.2.2' }),
      call(700, { geo: from('BR') }),
      call(900, { geo: from('IN') }),
    ];
    const told = play(onTime(events), abroad);
    expect(begun(told).map(({ condition, severity }) => [condition, severity])).toEqual([
      ['key_9Xc1 BR', 'critical'],
      ['key_9Xc1 IN', 'critical'],
    ]);
    const [brazil, india] = told.filter(({ finding }) => finding.ended);
    expect(brazil?.finding).toMatchObject({
      firstEventAt: START + 10 * MINUTE,
      lastEventAt: START + 700 * MINUTE,
      ips: ['192.0.2.2', '192.0.2.1', '203.0.113.5'],
      evidence: { keyId: 'key_9Xc1', count: 4 },
    });
    expect(brazil?.polledAt).toBe(START + 700 * MINUTE + DAY + 5 * MINUTE);
    expect(india?.polledAt).toBe(START + 900 * MINUTE + DAY + 5 * MINUTE);
  });

  it('is told in words that hold who, where and how often', () => {
    const [told] = play(onTime([call(10, { geo: from('BR'), ip: '192.0.2.1' })]), abroad);
    expect(told?.finding.title).toBe(
      'key_9Xc1 used from BR, which is not registered: 1 accepted call from 192.0.2.1',
    );
  });

  it('comes again after a quiet day', () => {
    const events = [call(0, { geo: from('BR') }), call(24 * 60 + 1, { geo: from('BR') })];
    expect(begun(play(onTime(events), abroad))).toHaveLength(2);
  });

  it('is nothing where it was refused, failed, bore no location or no key, or the country is registered', () => {
    const events = [
      call(1, { geo: from('BR'), status: 401 }),
      call(2, { geo: from('BR'), status: 403 }),
      call(3, { geo: from('BR'), status: 503 }),
      call(4, { geo: null }),
      call(5, { geo: from('BR'), keyId: null }),
      call(6, { geo: from('DE') }),
    ];
    expect(play(onTime(events), abroad)).toEqual([]);
  });

  it('is one whatever the provider answered to a key it knew', () => {
    for (const status of [200, 302, 404, 429]) {
      expect(begun(play(onTime([call(1, { geo: from('BR'), status })]), abroad))).toHaveLength(1);
    }
  });
});

describe('the list that applies', () => {
  const [own, wide] = [
    { geolocations: ['DE'], ipAllowlist: ['203.0.113.0/24'] },
    { geolocations: null, ipAllowlist: null },
  ];
  const keys = ['narrow', 'plain'].map((credential): ManagedKey => {
    return { keyId: `key_${credential}`, credential, state: 'current', expiresAt: null, compromisedAt: null };
  });
  const rules = rulesWith({
    ...own,
    perCredential: { narrow: own, plain: wide },
    otherKeys: {
      key_other: { ...own, owner: 'data team', retired: false },
      key_9Xc1: { ...wide, owner: 'web', retired: false },
    },
  });

  it.each([
    ['key_narrow', 'perCredential.narrow.'],
    ['key_plain', ''],
    ['key_other', 'otherKeys.key_other.'],
    ['key_9Xc1', ''],
  ])('to %s is named: %sgeolocations, %sipAllowlist', (keyId, at) => {
    const events = [call(10, { keyId, geo: from('BR'), ip: '192.0.2.1' })];
    const found = begun(play(onTime(events), { ...SCRIPT, rules, keys, apart: true }));
    const actions = new Map(found.map(({ kind, action }) => [kind, action]));
    expect(actions.get('unregistered-geolocation')).toContain(
      `register the country under the monitor's ${at}geolocations.`,
    );
    expect(actions.get('outside-allowlist')).toContain(`add the network to the monitor's ${at}ipAllowlist.`);
    const replace = keyId.startsWith('key_n')
      ? 'If these calls are not yours: `keywarden compromise narrow --key key_narrow`. '
      : 'If these calls are not yours: ';
    for (const action of actions.values()) expect(action).toContain(replace);
  });
});

describe('an accepted call from outside the allowlist', () => {
  it('is critical, one episode for each key, in IPv4, IPv6 and IPv4-mapped form', () => {
    const events = [
      call(1, { ip: '203.0.113.200' }),
      call(2, { ip: '::ffff:203.0.113.7' }),
      call(3, { ip: '2001:db8:1::1' }),
      call(4, { ip: '203.0.114.1' }),
      call(5, { ip: '2001:db9::1' }),
      call(6, { ip: '::ffff:192.0.2.1' }),
      call(7, { ip: '192.0.2.3', status: 401 }),
      call(8, { ip: '192.0.2.3', status: 403 }),
    ];
    const told = play(onTime(events), outside);
    expect(begun(told).map(({ condition, severity }) => [condition, severity])).toEqual([
      ['key_9Xc1', 'critical'],
    ]);
    expect(told.at(-1)?.finding).toMatchObject({
      ended: true,
      ips: ['2001:db9::1', '203.0.114.1', '::ffff:192.0.2.1'],
      evidence: { count: 3 },
    });
  });

  it('is told with the size of a list of thousands of blocks', () => {
    const ipAllowlist = Array.from({ length: 10_000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/25`);
    const events = [
      call(1, { ip: '10.39.15.127' }),
      call(2, { ip: '10.39.15.128' }),
      call(3, { ip: '10.39.16.1' }),
    ];
    const [told] = play(onTime(events), { ...SCRIPT, rules: rulesWith({ ipAllowlist }) });
    expect(told?.finding.evidence).toMatchObject({
      baseline: 'an allowlist of 10000 blocks',
      ips: ['10.39.15.128', '10.39.16.1'],
    });
  });

  it('keeps no query of a path and cuts what is long', () => {
    const [told] = play(
      onTime([call(1, { ip: '192.0.2.1', path: '/v1/assets?token=hush', userAgent: 'x'.repeat(500) })]),
      outside,
    );
    expect(told?.finding.evidence).toMatchObject({
      sources: ['192.0.2.1 (192.0.2.0/24, DE) 1'],
      pace: '▇ (1 min each)',
    });
    expect(told?.finding.evidence.paths).toEqual(['GET /v1/assets']);
    expect(told?.finding.evidence.userAgents).toEqual([`${'x'.repeat(119)}…`]);
  });
});
