import { describe, expect, it } from 'vitest';
import { DAY, type Finding, HOUR, MINUTE } from '../model/index.ts';
import { Stories } from './stories.ts';
import { play, rulesWith } from './testing/play.ts';
import * as traffic from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);

function finding(over: Partial<Finding>): Finding {
  return {
    kind: 'auth-failure-spike',
    severity: 'warning',
    condition: `key ${over.keyId ?? 'key_1'}`,
    at: START,
    keyId: 'key_1',
    credential: null,
    ips: ['198.51.100.7'],
    firstEventAt: START,
    lastEventAt: START,
    title: 'something',
    summary: 'Something happened.',
    action: null,
    evidence: { ips: ['198.51.100.7'] },
    ...over,
  };
}

const spike = finding({});
const abroad = finding({ kind: 'unregistered-geolocation', severity: 'critical', condition: 'key_1 RU' });
const outside = finding({ kind: 'outside-allowlist', severity: 'critical', condition: 'key_1' });
const client = finding({ kind: 'new-client', severity: 'info', condition: 'key_1 client' });
const ended = (found: Finding): Finding => ({ ...found, ended: true });

/** What a person reads of what is told. */
const lines = (findings: readonly Finding[]) =>
  findings.map(
    ({ kind, ended: over, also = [] }) =>
      `${kind}${over === true ? ' over' : ''}${also.map((other) => ` +${other.kind}`).join('')}`,
  );

describe('findings of one page about one key and source', () => {
  it('are one: the gravest bears, the others are listed in it', () => {
    const told = new Stories().tell([client, spike, outside, abroad]);
    expect(lines(told)).toEqual([
      'unregistered-geolocation +outside-allowlist +auth-failure-spike +new-client',
    ]);
    expect(told[0]?.evidence.also).toEqual([
      'outside-allowlist: something',
      'auth-failure-spike: something',
      'new-client: something',
    ]);
  });

  it.each([
    ['another source', { ips: ['203.0.113.9'] }],
    ['another key', { keyId: 'key_2' }],
  ])('are two where one has %s', (_, over) => {
    expect(lines(new Stories().tell([spike, { ...abroad, ...over }]))).toEqual([
      'auth-failure-spike',
      'unregistered-geolocation',
    ]);
  });

  it('are told as they come where they have no source', () => {
    const silence = finding({ kind: 'log-silence', condition: 'feed', keyId: null, ips: [] });
    const stories = new Stories();
    expect(stories.tell([silence, spike])).toEqual([silence, spike]);
    expect(stories.tell([ended(silence)])).toEqual([ended(silence)]);
  });
});

describe('a list of keys that nobody configured', () => {
  it('is told by itself, and takes nothing in that is about one of them', () => {
    const backfill = finding({ kind: 'unknown-key', condition: 'backfill', keyId: null });
    const stories = new Stories();
    expect(stories.tell([backfill])).toEqual([backfill]);
    expect(lines(stories.tell([abroad]))).toEqual(['unregistered-geolocation']);
    expect(stories.tell([ended(backfill)])).toEqual([ended(backfill)]);
  });
});

describe('a finding that comes later', () => {
  it('takes over where it is graver, and the former bearer’s alert ends', () => {
    const stories = new Stories();
    stories.tell([spike]);
    expect(lines(stories.tell([abroad]))).toEqual([
      'unregistered-geolocation +auth-failure-spike',
      'auth-failure-spike over',
    ]);
  });

  it('is listed where it is not; the alert stays while any as grave as its bearer does', () => {
    const stories = new Stories();
    stories.tell([abroad]);
    expect(lines(stories.tell([outside]))).toEqual(['unregistered-geolocation +outside-allowlist']);
    expect(stories.tell([ended(abroad)])).toEqual([]);
    expect(lines(stories.tell([outside]))).toEqual(['unregistered-geolocation +outside-allowlist']);
    expect(lines(stories.tell([ended(outside)]))).toEqual([
      'outside-allowlist over',
      'unregistered-geolocation over +outside-allowlist',
    ]);
    expect(stories.changes().put).toEqual([]);
  });

  it('takes over from what only tried, where it says that somebody was let in', () => {
    const stories = new Stories();
    stories.tell([{ ...spike, severity: 'critical' }]);
    const gotIn = finding({ kind: 'failures-then-success', severity: 'critical', condition: 'key_1 in' });
    expect(lines(stories.tell([gotIn]))).toEqual([
      'failures-then-success +auth-failure-spike',
      'auth-failure-spike over',
    ]);
  });

  it('a day later is another doing, however long the first stays open', () => {
    const unknown = finding({ kind: 'unknown-key', condition: 'key key_1' });
    const stories = new Stories();
    stories.tell([unknown]);
    const later = (days: number) => ({
      ...spike,
      firstEventAt: START + days * DAY,
      lastEventAt: START + days * DAY,
    });
    expect(lines(stories.tell([later(1.1)]))).toEqual(['auth-failure-spike']);
    const near = new Stories();
    near.tell([unknown]);
    expect(lines(near.tell([later(0.9)]))).toEqual(['unknown-key +auth-failure-spike']);
  });

  it('bears when the bearer is over and it is not', () => {
    const stories = new Stories();
    stories.tell([abroad, spike]);
    expect(lines(stories.tell([ended(abroad)]))).toEqual([
      'unregistered-geolocation over +auth-failure-spike',
      'auth-failure-spike +unregistered-geolocation',
    ]);
    expect(lines(stories.tell([ended(spike)]))).toEqual([
      'auth-failure-spike over +unregistered-geolocation',
    ]);
    expect(lines(stories.tell([spike]))).toEqual(['auth-failure-spike']);
  });

  it('makes one of what it links', () => {
    const stories = new Stories();
    const far = finding({ kind: 'outside-allowlist', severity: 'critical', ips: ['203.0.113.9'] });
    expect(lines(stories.tell([spike, far]))).toEqual(['auth-failure-spike', 'outside-allowlist']);
    const both = finding({
      kind: 'new-client',
      severity: 'info',
      condition: 'c',
      ips: [...spike.ips, ...far.ips],
    });
    expect(lines(stories.tell([both]))).toEqual([
      'outside-allowlist +auth-failure-spike +new-client',
      'auth-failure-spike over',
    ]);
    expect(stories.changes().put).toHaveLength(1);
  });

  it('is another doing where what it shares a source with is over', () => {
    const stories = new Stories();
    const link = finding({ kind: 'new-client', condition: 'c', ips: ['198.51.100.7', '203.0.113.9'] });
    const far = finding({ kind: 'outside-allowlist', condition: 'far', ips: ['203.0.113.9'] });
    stories.tell([spike, link, far]);
    stories.tell([ended(spike), ended(link)]);
    expect(lines(stories.tell([abroad]))).toEqual(['unregistered-geolocation']);
  });

  describe('about one key, during an attack on all keys', () => {
    const ips = Array.from({ length: 40 }, (_, index) => `198.51.100.${index}`);
    const fleet = finding({ keyId: null, condition: 'fleet', severity: 'critical', ips });
    const spread = finding({ ips: ips.slice(0, 6), evidence: { ips: [], count: 9 } });

    it('is a part of it where its failures are the attack’s', () => {
      const stories = new Stories();
      stories.tell([spread]);
      expect(lines(stories.tell([fleet]))).toEqual([
        'auth-failure-spike +auth-failure-spike',
        'auth-failure-spike over',
      ]);
      const source = finding({ keyId: null, condition: 'source 198.51.100.1', ips: ['198.51.100.1'] });
      const tried = finding({ ips: ['198.51.100.1'], evidence: { ips: [], count: 6 } });
      expect(lines(new Stories().tell([source, tried]))).toEqual(['auth-failure-spike +auth-failure-spike']);
    });

    it.each<[string, Partial<Finding>]>([
      ['is critical', { severity: 'critical' }],
      ['comes from one source that is busy with it', { ips: ips.slice(0, 1), evidence: { count: 30 } }],
      ['comes from elsewhere for the most part', { ips: ['203.0.113.1', '203.0.113.2', ...ips.slice(0, 1)] }],
      ['says that somebody got in', { kind: 'failures-then-success' }],
    ])('is told by itself where it %s', (_, over) => {
      const stories = new Stories();
      stories.tell([fleet]);
      expect(lines(stories.tell([{ ...spread, ...over }]))).toEqual([over.kind ?? 'auth-failure-spike']);
    });

    it('leaves it once it has outgrown it', () => {
      const stories = new Stories();
      stories.tell([fleet, spread]);
      const told = stories.tell([{ ...spread, severity: 'critical' }]);
      expect(told.map(({ condition, severity, also = [] }) => [condition, severity, also.length])).toEqual([
        ['fleet', 'critical', 0],
        ['key key_1', 'critical', 0],
      ]);
      expect(lines(stories.tell([ended(spread)]))).toEqual(['auth-failure-spike over']);
    });
  });

  it('tells of a bearer that grew, and of one that began and ended in one page', () => {
    const stories = new Stories();
    stories.tell([spike]);
    expect(lines(stories.tell([{ ...spike, severity: 'critical' }]))).toEqual(['auth-failure-spike']);
    expect(lines(new Stories().tell([spike, ended(spike), spike]))).toEqual([
      'auth-failure-spike',
      'auth-failure-spike over',
      'auth-failure-spike',
    ]);
  });
});

describe('what was lost', () => {
  it('is no part of any story: it bears nothing, hides nothing and holds no room', () => {
    const stories = new Stories();
    stories.tell([abroad, spike]);
    stories.changes();
    stories.lose('unregistered-geolocation');
    expect(lines(stories.tell([]))).toEqual(['auth-failure-spike']);
    stories.lose('auth-failure-spike');
    expect(stories.changes()).toEqual({ put: [], drop: [1] });
  });

  it('and was told by itself before it came to a story still ends', () => {
    const stories = new Stories();
    stories.tell([abroad]);
    stories.tell([outside]);
    expect(lines(stories.tell([ended(outside)]))).toEqual(['outside-allowlist over']);
  });
});

describe('what is kept', () => {
  it('goes on in another process', () => {
    const stories = new Stories();
    stories.tell([abroad, spike]);
    const { put, drop } = stories.changes();
    expect(drop).toEqual([]);
    const again = new Stories();
    for (const [serial, body] of put) again.admit(serial, JSON.parse(JSON.stringify(body)));
    expect(again.tell([ended(spike), outside])).toEqual(stories.tell([ended(spike), outside]));
    expect(again.changes()).toEqual(stories.changes());
  });

  it('is dropped with its end, and written when it changed and not else', () => {
    const stories = new Stories();
    stories.tell([spike]);
    const [first] = stories.changes().put;
    expect(stories.changes()).toEqual({ put: [], drop: [] });
    stories.tell([ended(spike)]);
    expect(stories.changes()).toEqual({ put: [], drop: [first?.[0]] });
  });

  it('is bounded: what has no room is told by itself', () => {
    const stories = new Stories();
    const many = Array.from({ length: 700 }, (_, index) =>
      finding({ keyId: `key_${index}`, ips: [`10.0.${index >> 8}.${index & 255}`] }),
    );
    expect(stories.tell(many)).toHaveLength(700);
    expect(stories.changes().put).toHaveLength(500);
    expect(stories.tell(many.map(ended))).toHaveLength(700);
    expect(stories.changes()).toMatchObject({ put: [] });
  });
});

describe('guessing that got in from abroad and outside the allowlist', () => {
  it('is one open alert, however many detectors see it', () => {
    const rules = rulesWith({ geolocations: ['DE'], ipAllowlist: ['203.0.113.0/24'] });
    const quiet = traffic.traffic({
      seed: 4,
      from: START,
      until: START + 30 * HOUR,
      failures: traffic.quiet,
    });
    const guesses = traffic.attack({ from: START + 28 * HOUR, count: 80, every: 15_000, succeeds: true });
    const told = play(traffic.onTime([...quiet, ...guesses]), {
      rules,
      from: START + MINUTE,
      until: START + 31 * HOUR,
    });
    const open = new Set<string>();
    let most = 0;
    for (const { finding: found } of told) {
      const name = `${found.kind} ${found.condition}`;
      if (found.ended === true) open.delete(name);
      else open.add(name);
      most = Math.max(most, open.size);
    }
    // For an instant two: the one that takes over is told before the former ends.
    expect(most).toBe(2);
    expect(open.size).toBe(1);
    const last = told.findLast(({ finding: found }) => found.ended !== true)?.finding;
    expect([last?.severity, ...(last?.also ?? []).map(({ kind }) => kind)]).toEqual(
      expect.arrayContaining(['critical', 'auth-failure-spike']),
    );
  });
});
