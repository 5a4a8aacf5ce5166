import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE, SECOND } from '../model/index.ts';
import { clientOf } from './clients.ts';
import type { ManagedKey, Rules } from './contract.ts';
import { begun, episodes, play, rulesWith } from './testing/play.ts';
import { event, onTime, randomFrom, repeated, shuffled } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const DETECTORS: Rules['detectors'] = { 'new-client': {} };
const SCRIPT = {
  from: START,
  until: START + 20 * DAY,
  every: 30 * MINUTE,
  rules: rulesWith({ detectors: DETECTORS }),
};

let serial = 0;
function call(at: number, ip: string, userAgent: string | null, over: Partial<LogEvent> = {}): LogEvent {
  serial += 1;
  return event({ id: `call-${serial}`, time: START + at, ip, userAgent, ...over });
}

/** A machine's calls, every two hours, its version rising each day. */
function machine(from: number, until: number, over: Partial<LogEvent> = {}): LogEvent[] {
  const calls: LogEvent[] = [];
  for (let at = from; at < until; at += 2 * HOUR) {
    calls.push(
      call(at, `203.0.113.${(at / HOUR) % 8}`, `footage/1.${Math.floor(at / DAY)} (build ${at})`, over),
    );
  }
  return calls;
}

const found = (events: readonly LogEvent[], over: Partial<Parameters<typeof play>[1]> = {}) =>
  begun(play(onTime(events), { ...SCRIPT, ...over }));
const agents = (...args: Parameters<typeof found>) =>
  found(...args).map(({ evidence }) => evidence.userAgents);

const CURL = 'curl/8.9.1';
const ELSEWHERE = '198.51.100.7';

describe("a call with a machine's key by a client never seen", () => {
  it('is told, as info, once for each network', () => {
    const calls = [0, 1, 2, 7, 600].map((minute) => call(16 * DAY + minute * MINUTE, ELSEWHERE, CURL));
    const told = play(onTime([...machine(0, 16 * DAY), ...calls]), { ...SCRIPT, restart: true });
    expect(told.map(({ finding }) => [finding.condition, finding.severity, finding.ended ?? false])).toEqual([
      ['key_9Xc1 198.51.100.0/24', 'info', false],
      ['key_9Xc1 198.51.100.0/24', 'info', true],
    ]);
    expect(told[0]?.finding.title).toBe('key_9Xc1 used by a new client, curl/8.9.1, from 198.51.100.7 (DE)');
    expect(told[1]?.finding.evidence).toMatchObject({ keyId: 'key_9Xc1', count: 3, ips: [ELSEWHERE] });
  });

  it('is nothing in the first 14 days, and is learnt then', () => {
    expect(found([...machine(0, 13 * DAY), call(13 * DAY, ELSEWHERE, CURL)])).toEqual([]);
    expect(
      found([...machine(0, 13 * DAY), call(13 * DAY, ELSEWHERE, CURL), call(15 * DAY, ELSEWHERE, CURL)]),
    ).toEqual([]);
    expect(agents([...machine(0, 15 * DAY), call(15 * DAY, ELSEWHERE, CURL)])).toEqual([[CURL]]);
    const edge = [-2, 2].map((minute) => call(14 * DAY + minute * MINUTE, ELSEWHERE, CURL));
    expect(found([...machine(0, 13 * DAY), ...edge])).toEqual([]);
  });

  it('is nothing where only one of the two is new, nor where it was refused or bore no key', () => {
    const usual = machine(0, 16 * DAY);
    expect(found([...usual, call(16 * DAY, ELSEWHERE, 'footage/2.0')])).toEqual([]);
    expect(found([...usual, call(16 * DAY, '203.0.113.77', CURL)])).toEqual([]);
    expect(
      found([
        ...usual,
        call(16 * DAY, ELSEWHERE, CURL, { status: 401 }),
        call(16 * DAY, ELSEWHERE, CURL, { status: 403 }),
      ]),
    ).toEqual([]);
    expect(found([...usual, call(16 * DAY, ELSEWHERE, CURL, { keyId: null })])).toEqual([]);
    expect(agents([...usual, call(16 * DAY, '2001:db8:1::1', null)])).toHaveLength(1);
    expect(
      found([...usual, call(16 * DAY, ELSEWHERE, CURL)], { rules: rulesWith({ detectors: {} }) }),
    ).toEqual([]);
  });

  it('may have been seen on a known machine alone, or under a known name alone', () => {
    const usual = [...machine(0, 16 * DAY), call(16 * DAY, '203.0.113.9', 'footage/2')];
    const [onMachine, later] = [
      call(16 * DAY + MINUTE, '203.0.113.9', CURL),
      call(16 * DAY + HOUR, ELSEWHERE, CURL),
    ];
    expect([found([...usual, later]).length, found([...usual, onMachine, later]).length]).toEqual([1, 0]);
    const named = call(16 * DAY + MINUTE, ELSEWHERE, 'footage/2');
    expect(found([...usual, named, later])).toEqual([]);
  });

  it('is nothing for a key of people, or of machines that come and go', () => {
    const usual = machine(0, 16 * DAY);
    const people = Array.from({ length: 4 }, (_, index) =>
      call(index * DAY, '203.0.113.9', `browser ${'abcd'[index]}`),
    );
    const roaming = Array.from({ length: 8 }, (_, index) =>
      call(index * DAY, `10.0.${index}.1`, 'footage/1.0'),
    );
    for (const more of [people, roaming]) {
      const events = [...usual, ...more, call(16 * DAY, ELSEWHERE, CURL)].toSorted((a, b) => a.time - b.time);
      expect(found(events)).toEqual([]);
      expect(found(events.filter(({ id }) => id !== more[0]?.id))).toHaveLength(1);
    }
  });

  it('is quiet over a year of deploys and of machines that move', () => {
    const random = randomFrom(2);
    const events: LogEvent[] = [];
    for (let at = 0; at < 365 * DAY; at += 3 * HOUR) {
      const week = Math.floor(at / (7 * DAY));
      const ip = `10.${week % 200}.${Math.floor(random() * 3)}.${1 + Math.floor(random() * 9)}`;
      events.push(
        call(at, ip, random() < 0.8 ? `footage/${week}.${Math.floor(at / DAY)}-rc${week}` : `probe-v${week}`),
      );
    }
    expect(found(events, { until: START + 365 * DAY, every: 6 * HOUR })).toEqual([]);
  });

  it('counts alike where a call comes after a later one', () => {
    const usual = onTime(machine(0, 16 * DAY));
    const calls = [0, 4.9, 5.1].map((minute) => call(16 * DAY + minute * MINUTE, ELSEWHERE, CURL));
    const [first, second, third] = calls.map((found) => ({ event: found, at: START + 16 * DAY + HOUR }));
    if (first === undefined || second === undefined || third === undefined)
      throw new TypeError('three calls');
    const told = [
      [first, second, third],
      [first, third, second],
    ].map((order) => episodes(play([...usual, ...order], SCRIPT)));
    expect(told[0]?.[0]).toContain('"count":2');
    expect(told[1]).toEqual(told[0]);
  });

  it('hangs neither on the order of arrival nor on repeats', () => {
    const calls = Array.from({ length: 12 }, (_, index) =>
      call(
        16 * DAY + index * MINUTE,
        index % 3 === 0 ? ELSEWHERE : '192.0.2.5',
        index % 2 === 0 ? CURL : 'wget/1.2',
      ),
    );
    const edge = [-6, -3, 0, 2, 4, 6, 8].map((minute) =>
      call(14 * DAY + minute * MINUTE, '192.0.2.99', 'edge'),
    );
    const burst = Array.from({ length: 40 }, (_, index) =>
      call(16 * DAY + HOUR + index * 10 * SECOND, '192.0.2.5', 'fetch/3'),
    );
    const events = [...machine(0, 16 * DAY), ...edge, ...calls, ...burst];
    const script = { ...SCRIPT, every: 4 * MINUTE, until: START + 18 * DAY };
    const told = [1, 2, 3].map((seed) => episodes(play(shuffled(events, seed), script)));
    told.push(
      episodes(play(onTime(events), script)),
      episodes(play(repeated(shuffled(events, 6), 7), script)),
    );
    expect(new Set(told.map((all) => all.join('\n'))).size).toBe(1);
    expect(told[0]).toHaveLength(1);
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

  it('is used with what the others are used with', () => {
    const events = [
      call(0, ELSEWHERE, CURL, { keyId: 'key_1' }),
      ...machine(0, 2 * DAY, { keyId: 'key_1' }),
      ...machine(2 * DAY, 17 * DAY, { keyId: 'key_2' }),
      call(17 * DAY, ELSEWHERE, CURL, { keyId: 'key_2' }),
      call(17 * DAY + HOUR, '192.0.2.200', CURL, { keyId: 'key_2' }),
      call(18 * DAY, '10.9.9.9', 'wget/1.2', { keyId: 'key_2' }),
    ];
    expect(agents(events, { keys, restart: true })).toEqual([['wget/1.2']]);
    expect(agents(events)).toEqual([[CURL], ['wget/1.2']]);
    // By the name alone, and by the network alone.
    const others = events.filter(({ ip, userAgent }) => ip !== ELSEWHERE || userAgent !== CURL);
    const before = call(0, ELSEWHERE, CURL, { keyId: 'key_1' });
    expect(agents([before, ...others], { keys })).toEqual([['wget/1.2']]);
    const network = call(19 * DAY, ELSEWHERE, 'other', { keyId: 'key_2' });
    expect(agents([before, ...others, network], { keys })).toEqual([['wget/1.2']]);
  });
});

describe('the name of a client', () => {
  it.each([
    ['footage/1.4', 'footage'],
    ['Footage/a91bc7f (Linux; x86_64 5.15) python-requests/2.32.3', 'footage python-requests'],
    ['python-requests/2.32', 'python-requests'],
    ['curl 8.9.1', 'curl'],
    ['footage-worker-v2.1.0', 'footage-worker'],
    ['app_1.2.3-beta+build.7', 'app'],
    ['Boto3/1.26.1 md/Botocore#1.29', 'boto3 md'],
    ['s3cmd', 's3cmd'],
    ['', ''],
    ['1.2.3', ''],
    ['((((', ''],
  ])('of %j is %j', (agent, name) => {
    expect(clientOf(agent)).toBe(name);
  });

  it('is bounded', () => {
    expect(clientOf('x'.repeat(10_000))).toHaveLength(60);
    expect(clientOf('- '.repeat(100_000))).toBe('');
  });
});
