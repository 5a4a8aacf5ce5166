import { describe, expect, it } from 'vitest';
import { DAY, type Geo, HOUR, type LogEvent, MINUTE } from '../model/index.ts';
import type { ManagedKey, Rules } from './contract.ts';
import { begun, episodes, play, rulesWith } from './testing/play.ts';
import { event, onTime, randomFrom, repeated, shuffled } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const DETECTORS: Rules['detectors'] = { 'impossible-travel': { speedKmh: 1_000, minimumKm: 500 } };
const rules = rulesWith({ detectors: DETECTORS });
const SCRIPT = { from: START, until: START + 5 * DAY, every: 10 * MINUTE, rules };

type Place = readonly [country: string, city: string | null, latitude: number, longitude: number, ip: string];
const BERLIN: Place = ['DE', 'Berlin', 52.52, 13.4, '203.0.113.5'];
const FRANKFURT: Place = ['DE', 'Frankfurt', 50.11, 8.68, '203.0.113.80'];
const LONDON: Place = ['GB', 'London', 51.51, -0.13, '192.0.2.7'];
const ASHBURN: Place = ['US', 'Ashburn', 39.04, -77.49, '192.0.2.50'];
const SYDNEY: Place = ['AU', 'Sydney', -33.87, 151.21, '198.51.100.9'];

let serial = 0;
function call(
  at: number,
  [country, city, latitude, longitude, ip]: Place,
  over: Partial<LogEvent> = {},
): LogEvent {
  serial += 1;
  const geo: Geo = { country, city, latitude, longitude };
  return event({ id: `call-${serial}`, time: START + at, geo, ip, ...over });
}

/** The key is used from a place every 20 minutes. */
function home(place: Place, from: number, until: number, over: Partial<LogEvent> = {}): LogEvent[] {
  const calls: LogEvent[] = [];
  for (let at = from; at < until; at += 20 * MINUTE) calls.push(call(at, place, over));
  return calls;
}

const found = (events: readonly LogEvent[], over: Partial<Parameters<typeof play>[1]> = {}) =>
  begun(play(onTime(events.toSorted((a, b) => a.time - b.time)), { ...SCRIPT, ...over }));
const severities = (...args: Parameters<typeof found>) => found(...args).map(({ severity }) => severity);

describe('more travel than there is room for', () => {
  const keys = Array.from({ length: 520 }, (_, index) => `key_${index}`);
  const of = (keyId: string, calls: readonly LogEvent[]) => calls.map((one) => ({ ...one, keyId }));
  const travels = keys.flatMap((keyId, index) =>
    of(keyId, [...home(BERLIN, index, DAY), call(DAY + 10 * MINUTE + index, SYDNEY)]),
  );

  it('is told as one, and ended', () => {
    const told = play(onTime(travels.toSorted((a, b) => a.time - b.time)), SCRIPT);
    expect(begun(told)).toHaveLength(501);
    const others = told.filter(({ finding }) => finding.condition === 'others');
    expect(others.map(({ finding }) => [finding.keyId, finding.ended ?? false])).toEqual([
      [null, false],
      [null, true],
    ]);
    expect(others[0]?.finding.title).toContain('one of too many keys');
  });

  it('takes the room of new places with which nothing is wrong', () => {
    const calm = keys.flatMap((keyId) =>
      of(keyId, [...home(BERLIN, 0, DAY), call(DAY + 16 * HOUR, ASHBURN)]),
    );
    const travel = [...home(BERLIN, 0, DAY + 16 * HOUR), call(DAY + 17 * HOUR, SYDNEY)];
    expect(found([...calm, ...travel]).map(({ condition }) => condition)).toEqual(['key_9Xc1 AU -34,151']);
  });
});

describe('an accepted call from where nobody can have travelled', () => {
  it('is a warning, told once, with both places; it ends when the place is known', () => {
    const events = [
      ...home(BERLIN, 0, DAY),
      call(DAY + 10 * MINUTE, SYDNEY),
      ...home(BERLIN, DAY + 20 * MINUTE, 2 * DAY),
    ];
    const told = play(onTime(events), { ...SCRIPT, restart: true });
    expect(
      told.map(({ finding, polledAt }) => [finding.condition, finding.ended ?? false, polledAt - START]),
    ).toEqual([
      ['key_9Xc1 AU -34,151', false, DAY + 20 * MINUTE],
      ['key_9Xc1 AU -34,151', true, 2 * DAY + 20 * MINUTE],
    ]);
    expect(told[0]?.finding).toMatchObject({
      kind: 'impossible-travel',
      severity: 'warning',
      keyId: 'key_9Xc1',
      ips: ['198.51.100.9'],
      title: expect.stringMatching(
        /^key_9Xc1 used from Sydney, AU and Berlin, DE within 31 min, 15\d{3} km apart: 198\.51\.100\.9 is new to it$/,
      ),
      evidence: {
        from: '203.0.113.5 (Berlin, DE)',
        to: '198.51.100.9 (Sydney, AU)',
        ips: ['198.51.100.9'],
        requestIds: [expect.any(String)],
      },
    });
    // The nearest uses are those ten minutes later.
    expect(told[1]?.finding.evidence).toMatchObject({ minutes: 11 });
  });

  it('is critical where its country is not registered, known for long or not, and silent between registered ones', () => {
    const abroad = { rules: rulesWith({ detectors: DETECTORS, geolocations: ['DE', 'US'] }) };
    const first = [call(0, BERLIN), call(10 * MINUTE, SYDNEY)];
    expect(severities([...home(BERLIN, 0, DAY), call(DAY, SYDNEY)], abroad)).toEqual(['critical']);
    expect(severities(first, abroad)).toEqual(['critical']);
    expect(severities(first)).toEqual([]);
    expect(severities([...home(BERLIN, 0, DAY), call(DAY, ASHBURN)], abroad)).toEqual([]);
    expect(severities([...home(BERLIN, 0, DAY), call(DAY, ASHBURN)])).toEqual(['warning']);
  });

  it('is seen as well when the known place is used after it', () => {
    const events = [...home(BERLIN, 0, DAY), call(3 * DAY, SYDNEY), call(3 * DAY + 2 * HOUR, BERLIN)];
    expect(severities(events.slice(0, -1))).toEqual([]);
    const [told] = found(events);
    expect(told).toMatchObject({ ips: ['198.51.100.9'], evidence: { minutes: 121 } });
  });

  it('is nothing where one can: near enough, slow enough, from the same address, refused, of no known place', () => {
    const with1 = (...calls: LogEvent[]) => severities([...home(BERLIN, 0, DAY), ...calls]);
    expect(with1(call(DAY, FRANKFURT))).toEqual([]);
    expect(with1(call(DAY + 16 * HOUR, SYDNEY))).toEqual([]);
    expect(with1(call(DAY + 12 * HOUR, SYDNEY))).toEqual(['warning']);
    expect(with1(call(DAY, SYDNEY, { ip: BERLIN[4] }))).toEqual([]);
    expect(
      with1(
        call(DAY, SYDNEY, { status: 401 }),
        call(DAY, SYDNEY, { status: 403 }),
        call(DAY, SYDNEY, { status: 502 }),
      ),
    ).toEqual([]);
    expect(with1(call(DAY, SYDNEY, { keyId: null }), call(DAY, SYDNEY, { geo: null }))).toEqual([]);
    expect(
      with1(call(DAY, SYDNEY, { geo: { country: 'AU', city: null, latitude: null, longitude: null } })),
    ).toEqual([]);
    expect(with1(call(DAY, SYDNEY, { status: 404 }))).toEqual(['warning']);
  });

  it('takes a point without a city for one of a country, up to 1,000 km off', () => {
    const middle: Place = ['GB', null, 54, -2, '192.0.2.7'];
    expect(severities([...home(BERLIN, 0, DAY), call(DAY, LONDON)])).toEqual(['warning']);
    expect(severities([...home(BERLIN, 0, DAY), call(DAY, middle)])).toEqual([]);
    expect(severities([...home(SYDNEY, 0, DAY), call(DAY, middle)])).toEqual(['warning']);
  });

  it('goes by the limits of the configuration', () => {
    const slower = {
      rules: rulesWith({ detectors: { 'impossible-travel': { speedKmh: 300, minimumKm: 500 } } }),
    };
    const farther = {
      rules: rulesWith({ detectors: { 'impossible-travel': { speedKmh: 1_000, minimumKm: 16_000 } } }),
    };
    const events = [...home(BERLIN, 0, DAY), call(DAY + 24 * HOUR, SYDNEY)];
    expect([severities(events), severities(events, slower)]).toEqual([[], ['warning']]);
    expect(severities([...home(BERLIN, 0, DAY), call(DAY, SYDNEY)], farther)).toEqual([]);
    expect(severities(events, { rules: rulesWith({ detectors: {} }) })).toEqual([]);
  });

  it('is no travel where a database places a known address elsewhere', () => {
    const events = home(BERLIN, 0, 2 * DAY, { geo: null }).map((each, index) => ({
      ...each,
      ip: `203.0.113.${index % 3}`,
    }));
    const locations = (moved: Place) => {
      let asked = 0;
      return () => {
        asked += 1;
        const [country, city, latitude, longitude] = asked > events.length / 2 + 1 ? moved : BERLIN;
        return { country, city, latitude, longitude };
      };
    };
    expect(found(events, { locate: locations(SYDNEY) })).toEqual([]);
    expect(found([...events, call(2 * DAY, SYDNEY)], { locate: locations(BERLIN) })).toHaveLength(1);
  });
});

describe('a key of servers', () => {
  it('used from several places at once is never told, from its first day on', () => {
    const random = randomFrom(4);
    for (const every of [MINUTE, 20 * MINUTE, 3 * HOUR]) {
      const events: LogEvent[] = [];
      for (let at = 0; at < 5 * DAY; at += every) {
        events.push(
          call(at, random() < 0.5 ? FRANKFURT : ASHBURN),
          call(at + Math.floor(random() * every), SYDNEY),
        );
      }
      expect(found(events)).toEqual([]);
    }
  });

  it('is told once of a further place, and not once more when that has become a habit', () => {
    const events = [
      ...home(FRANKFURT, 0, 5 * DAY),
      ...home(ASHBURN, 10 * MINUTE, 5 * DAY),
      ...home(SYDNEY, DAY + 5 * MINUTE, 5 * DAY),
    ];
    expect(found(events, { restart: true }).map(({ condition }) => condition)).toEqual([
      'key_9Xc1 AU -34,151',
    ]);
  });

  it('that is used from more than eight places is at home everywhere', () => {
    const many = Array.from(
      { length: 9 },
      (_, index): Place => ['US', `City ${index}`, 30 + index, -120 + 5 * index, `192.0.2.${index}`],
    );
    const events = many.flatMap((place, index) => home(place, index * MINUTE, DAY));
    expect(severities([...events, call(DAY, SYDNEY)])).toEqual([]);
    expect(severities([...events.filter(({ ip }) => ip < '192.0.2.7'), call(DAY, SYDNEY)])).toEqual([
      'warning',
    ]);
  });
});

describe('a new version of a credential', () => {
  const ours = (keyId: string): ManagedKey => ({
    keyId,
    credential: 'frameflow-prod',
    state: 'current',
    expiresAt: null,
    compromisedAt: null,
  });
  const keys = [ours('key_1'), ours('key_2')];
  const before = [
    ...home(FRANKFURT, 0, DAY, { keyId: 'key_1' }),
    ...home(ASHBURN, 0, DAY, { keyId: 'key_1' }),
  ];

  it('has the places of the others, and their habit', () => {
    const after = [
      ...home(FRANKFURT, DAY, 2 * DAY, { keyId: 'key_2' }),
      ...home(ASHBURN, DAY, 2 * DAY, { keyId: 'key_2' }),
    ];
    expect(found([...before, ...after], { keys })).toEqual([]);
    const stolen = found([...before, ...after.slice(0, 1), call(DAY + MINUTE, SYDNEY, { keyId: 'key_2' })], {
      keys,
      restart: true,
    });
    expect(stolen.map(({ condition, credential }) => [condition, credential])).toEqual([
      ['key_2 AU -34,151', 'frameflow-prod'],
    ]);
    expect(stolen[0]?.action).toContain('keywarden compromise frameflow-prod --key key_2');
  });
});

it('is told with the time of the call that decided it', () => {
  const usual = home(BERLIN, 30_000, DAY);
  const [there] = found([...usual, call(DAY + 41_000, SYDNEY)]);
  expect([there?.at, there?.firstEventAt, there?.lastEventAt]).toEqual(Array(3).fill(START + DAY + 41_000));
  const [back] = found([...usual, call(2 * DAY + 41_000, SYDNEY), call(2 * DAY + 97_500, BERLIN)]);
  expect([back?.at, back?.firstEventAt, back?.lastEventAt]).toEqual([
    START + 2 * DAY + 97_500,
    START + 2 * DAY + 41_000,
    START + 2 * DAY + 97_500,
  ]);
});

describe('the order of arrival', () => {
  it('decides nothing, nor do repeats', () => {
    const random = randomFrom(8);
    const away = Array.from({ length: 30 }, (_, index) =>
      call(DAY + index * 2 * MINUTE + Math.floor(random() * MINUTE), SYDNEY, {
        ip: `198.51.100.${index % 4}`,
      }),
    );
    const back = Array.from({ length: 20 }, (_, index) =>
      call(DAY + 3 * HOUR + index * MINUTE, index % 2 === 0 ? BERLIN : ASHBURN, { keyId: 'key_b' }),
    );
    const events = [
      ...home(BERLIN, 0, 3 * DAY),
      ...home(ASHBURN, 3 * MINUTE, 3 * DAY),
      ...home(BERLIN, 0, DAY, { keyId: 'key_b' }),
      ...away,
      ...back,
    ];
    const script = { ...SCRIPT, every: 3 * MINUTE };
    const told = [1, 2, 3, 4, 5].map((seed) => episodes(play(shuffled(events, seed), script)));
    told.push(
      episodes(play(onTime(events), script)),
      episodes(play(repeated(shuffled(events, 6), 7), script)),
    );
    expect(new Set(told.map((all) => all.join('\n'))).size).toBe(1);
    expect(told[0]).toHaveLength(2);
  });

  it('of two new places at once decides nothing', () => {
    const usual = home(BERLIN, 0, DAY);
    const [first, second, third] = [
      call(DAY + HOUR, SYDNEY),
      call(DAY + HOUR + MINUTE, ASHBURN),
      call(DAY + HOUR + 3 * MINUTE, SYDNEY),
    ];
    const told = [
      [first, second, third],
      [second, third, first],
    ].map((order) => {
      const late = order.map((found) => ({ event: found, at: third.time + MINUTE }));
      return episodes(play([...onTime(usual), ...late], SCRIPT));
    });
    expect(told[0]).toHaveLength(2);
    expect(told[1]).toEqual(told[0]);
  });
});
