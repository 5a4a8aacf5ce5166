import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE } from '../model/index.ts';
import { Evidence, sourceLine, sparkline } from './evidence.ts';
import { Pace } from './pace.ts';
import { event, randomFrom } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);

function add(
  evidence: Evidence,
  index: number,
  over: Partial<LogEvent> = {},
  country: string | null = 'RU',
): void {
  const found = event({ id: `e${index}`, time: START + index * MINUTE, ip: '203.0.113.9', ...over });
  const geo = country === null ? null : { country, city: null, latitude: null, longitude: null };
  evidence.add({ event: found, at: found.time, geo });
}

describe('evidence', () => {
  it('names the ten sources with the most calls, each with network, country and count', () => {
    const evidence = new Evidence();
    for (let last = 1; last <= 12; last += 1) {
      for (let count = 0; count < last; count += 1) add(evidence, last, { ip: `198.51.100.${last}` });
    }
    add(evidence, 99, { ip: '2001:db8:5::9' }, null);
    const { sources, ips } = evidence.lists();
    expect(sources).toHaveLength(10);
    expect(sources?.slice(0, 2)).toEqual([
      '198.51.100.12 (198.51.100.0/24, RU) 12',
      '198.51.100.11 (198.51.100.0/24, RU) 11',
    ]);
    expect(ips).toHaveLength(13);
    expect(sourceLine('2001:db8:5::9', null, 1)).toBe('2001:db8:5::9 (2001:db8:5::/48) 1');
    expect(sourceLine('somewhere', null, 3)).toBe('somewhere 3');
  });

  it("takes the country from the sight's location, whatever the event says", () => {
    const evidence = new Evidence();
    add(evidence, 0, {}, 'BR');
    expect(evidence.lists()).toMatchObject({
      sources: ['203.0.113.9 (203.0.113.0/24, BR) 1'],
    });
    expect(evidence.countries).toEqual(['BR']);
  });

  it('holds keys, paths without queries, user agents, request ids and the pace', () => {
    const evidence = new Evidence();
    add(evidence, 3, { keyId: 'key_b', path: '/v1/assets?token=hush' });
    add(evidence, 0, { keyId: 'key_a' });
    add(evidence, 1, { keyId: 'key_b', userAgent: null, requestId: null });
    expect(evidence.lists()).toEqual({
      ips: ['203.0.113.9'],
      sources: ['203.0.113.9 (203.0.113.0/24, RU) 3'],
      keys: ['key_b', 'key_a'],
      userAgents: ['footage/1.4'],
      paths: ['GET /v1/assets'],
      requestIds: ['req_e3', 'req_e0'],
      pace: '▇▇▁▇ (1 min each)',
    });
  });

  it('does not say twice what the finding or the sources say', () => {
    const evidence = new Evidence();
    for (let last = 1; last <= 10; last += 1) add(evidence, last, { ip: `198.51.100.${last}` });
    expect(Object.keys(evidence.lists())).toEqual([
      ...['sources', 'userAgents', 'paths', 'requestIds', 'pace', 'ips'],
    ]);
    add(evidence, 11, { ip: '192.0.2.1', keyId: 'key_b' }, 'BR');
    expect(evidence.lists()).toMatchObject({ countries: ['RU', 'BR'], keys: ['key_9Xc1', 'key_b'] });
  });

  it('is bounded, whatever comes', () => {
    const evidence = new Evidence();
    const long = 'x'.repeat(10_000);
    for (let index = 0; index < 5_000; index += 1) {
      add(evidence, index, {
        ip: `10.0.${index >> 8}.${index & 255}`,
        keyId: `${index}${long}`,
        userAgent: `${index}${long}`,
        path: `/${index}${long}`,
        requestId: `${index}${long}`,
      });
    }
    add(evidence, 5_000, { ip: long });
    expect(evidence.ips).toHaveLength(100);
    expect(JSON.stringify(evidence.lists()).length).toBeLessThan(8_000);
    expect(JSON.stringify(evidence.save()).length).toBeLessThan(8_000);
  });

  it('is the same after it was stored, and after two were made one', () => {
    const [all, one, other] = [new Evidence(), new Evidence(), new Evidence()];
    for (let index = 0; index < 60; index += 1) {
      const over = { ip: `10.0.0.${index % 7}`, keyId: `key_${index % 3}`, requestId: null };
      add(all, index * index, over);
      add(index % 2 === 0 ? one : other, index * index, over);
    }
    expect(new Evidence(JSON.parse(JSON.stringify(all.save()))).lists()).toEqual(all.lists());
    one.absorb(new Evidence(JSON.parse(JSON.stringify(other.save()))));
    expect(one.lists()).toEqual(all.lists());
    one.absorb(new Evidence());
    expect(one.lists()).toEqual(all.lists());
    expect(new Evidence(JSON.parse(JSON.stringify(new Evidence().save()))).lists()).toEqual({ ips: [] });
  });

  it('does not take what is damaged', () => {
    expect(() => new Evidence([[['10.0.0.1', 'many', 'DE']]])).toThrow(TypeError);
    expect(() => new Evidence('evidence')).toThrow(TypeError);
  });
});

describe('a sparkline', () => {
  it('shows none, the most, and what is between', () => {
    expect(sparkline([])).toBe('');
    expect(sparkline([0, 0])).toBe('▁▁');
    expect(sparkline([0, 1, 4, 40])).toBe('▁▂▂▇');
    expect(sparkline([1, 2, 3, 4])).toBe('▂▃▅▇');
    expect(sparkline([7])).toBe('▇');
  });

  it('has 48 bars at most', () => {
    expect(sparkline(Array.from({ length: 96 }, (_, index) => index))).toHaveLength(48);
    expect(sparkline(Array.from({ length: 10_000 }, () => 1)).length).toBeLessThanOrEqual(48);
  });
});

describe('the pace of a case', () => {
  it('is 24 counts at most, whose width doubles as time grows', () => {
    const pace = new Pace();
    expect(pace.line).toBe('');
    for (let minute = 0; minute < 24; minute += 1) pace.add(START + minute * MINUTE);
    expect(pace.line).toBe(`${'▇'.repeat(24)} (1 min each)`);
    pace.add(START + 24 * MINUTE);
    expect(pace.line).toBe(`${'▇'.repeat(12)}▃ (2 min each)`);
    pace.add(START + 10 * HOUR);
    expect(pace.line).toMatch(/ \(32 min each\)$/);
    pace.add(START + 300 * DAY);
    expect(pace.line).toMatch(/ d each\)$/);
    expect(pace.line.length).toBeLessThan(40);
  });

  it('is the same in whatever order, and made of parts', () => {
    const random = randomFrom(3);
    const times = Array.from({ length: 500 }, () => START + Math.floor(random() ** 3 * 9 * DAY));
    const paces = [times, times.toReversed(), times.toSorted()].map((order) => {
      const pace = new Pace();
      for (const at of order) pace.add(at);
      return pace;
    });
    const halves = [times.slice(0, 100), times.slice(100)].map((order) => {
      const pace = new Pace();
      for (const at of order) pace.add(at);
      return Pace.load(JSON.parse(JSON.stringify(pace.save())));
    });
    const [head, tail] = halves;
    if (tail !== undefined) head?.absorb(tail);
    expect(new Set([...paces, head].map((pace) => pace?.line)).size).toBe(1);
  });

  it.each([
    [[0, 1, [1]]],
    [[-MINUTE, 1, [1]]],
    [[MINUTE / 2, 1, [1]]],
    [[Number.POSITIVE_INFINITY, 1, [1]]],
    [[MINUTE, 0.5, [1]]],
    [[MINUTE, 1e300, [1]]],
    [[MINUTE, 1, new Array<number>(25).fill(1)]],
  ])('is not read where it is damaged: %j', (stored) => {
    expect(() => Pace.load(stored)).toThrow(TypeError);
  });
});
