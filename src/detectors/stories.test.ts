import { describe, expect, it } from 'vitest';
import { type Finding, HOUR, MINUTE } from '../model/index.ts';
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

  it('is listed where it is not, and its end is nobody’s news', () => {
    const stories = new Stories();
    stories.tell([abroad]);
    expect(lines(stories.tell([outside]))).toEqual(['unregistered-geolocation +outside-allowlist']);
    expect(stories.tell([ended(outside)])).toEqual([]);
    expect(lines(stories.tell([ended(abroad)]))).toEqual([
      'unregistered-geolocation over +outside-allowlist',
    ]);
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

  it('makes one of what it links: a source that tries many keys', () => {
    const stories = new Stories();
    const second = finding({ keyId: 'key_2', severity: 'critical' });
    expect(lines(stories.tell([spike, second]))).toEqual(['auth-failure-spike', 'auth-failure-spike']);
    const fleet = finding({ keyId: null, condition: 'source', severity: 'critical' });
    const told = stories.tell([fleet]);
    expect(told.filter(({ ended: over }) => over !== true).map(({ condition }) => condition)).toEqual([
      'key key_2',
    ]);
    expect(told.filter(({ ended: over }) => over === true).map(({ condition }) => condition)).toEqual([
      'key key_1',
    ]);
    expect(told.find(({ ended: over }) => over !== true)?.also).toHaveLength(2);
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
    expect(most).toBe(1);
    expect(open.size).toBe(1);
    const last = told.findLast(({ finding: found }) => found.ended !== true)?.finding;
    expect([last?.severity, ...(last?.also ?? []).map(({ kind }) => kind)]).toEqual(
      expect.arrayContaining(['critical', 'auth-failure-spike']),
    );
  });
});
