import { describe, expect, test } from 'vitest';
import { findingToSignal } from '../src/alerting/finding.ts';
import { render } from '../src/alerting/render.ts';
import { alertEvent } from '../src/channels/pagerduty/event.ts';
import type { ManagedKey, Rules } from '../src/detectors/contract.ts';
import { ALL_DETECTORS, NOWHERE, play, rulesWith } from '../src/detectors/testing/play.ts';
import { attack, event, onTime } from '../src/detectors/testing/traffic.ts';
import {
  type Alert,
  type AlertKind,
  DAY,
  type Finding,
  HOUR,
  type LogEvent,
  MINUTE,
  SECOND,
} from '../src/model/index.ts';

/** A Monday. */
const START = Date.UTC(2026, 9, 5);
const THIEF = '198.51.100.77';

let serial = 0;
function call(at: number, over: Partial<LogEvent> = {}): LogEvent {
  serial += 1;
  return event({ id: `call-${serial}`, time: START + at, ...over });
}

const place = (country: string, city: string, latitude: number, longitude: number) => ({
  geo: { country, city, latitude, longitude },
});
const BERLIN = place('DE', 'Berlin', 52.52, 13.4);
const SYDNEY = place('AU', 'Sydney', -33.87, 151.21);

/** A call every `step`. */
const every = (step: number, from: number, until: number, over: Partial<LogEvent> = {}) =>
  Array.from({ length: Math.ceil((until - from) / step) }, (_, turn) => call(from + turn * step, over));

const key = (keyId: string, over: Partial<ManagedKey> = {}): ManagedKey => ({
  keyId,
  credential: 'prod',
  state: 'current',
  expiresAt: null,
  compromisedAt: null,
  ...over,
});

type Case = {
  readonly events: () => readonly LogEvent[];
  readonly rules?: Partial<Rules>;
  readonly keys?: readonly ManagedKey[];
  readonly facts: Readonly<Record<string, unknown>>;
};

const OURS = [key('key_9Xc1')];
const FROM_THIEF = expect.stringMatching(/^198\.51\.100\.77 \(198\.51\.100\.0\/24, [A-Z]{2}\) \d+$/);
const AGENT = expect.stringMatching(/^(footage\/1\.4|curl\/8)$/);
const PACE = expect.stringMatching(/^[▁▂▃▅▇]+ \([\d.]+ (min|h|d) each\)$/);
const thief = (at: number, over: Partial<LogEvent> = {}) =>
  call(at, { ip: THIEF, userAgent: 'curl/8', ...over });

const CASES: Readonly<Partial<Record<AlertKind, Case>>> = {
  'auth-failure-spike': {
    events: () => [
      ...every(HOUR, 0, 2 * DAY),
      ...attack({ from: START + 2 * DAY, count: 60, every: SECOND }),
    ],
    keys: OURS,
    facts: {
      Key: 'key_9Xc1 of prod',
      Sources: FROM_THIEF,
      'User agents': expect.any(String),
      Usual: expect.any(String),
      Pace: PACE,
    },
  },
  'failures-then-success': {
    events: () => [
      ...every(HOUR, 0, 2 * DAY),
      ...attack({ from: START + 2 * DAY, count: 60, every: SECOND }),
      thief(2 * DAY + 2 * MINUTE),
    ],
    keys: OURS,
    facts: { Key: 'key_9Xc1 of prod', Sources: FROM_THIEF, 'User agents': expect.any(String), Pace: PACE },
  },
  'unregistered-geolocation': {
    events: () => [call(0), thief(HOUR, place('BR', 'Recife', -8.05, -34.9))],
    rules: { geolocations: ['DE'] },
    keys: OURS,
    facts: {
      Key: 'key_9Xc1 of prod',
      Sources: FROM_THIEF,
      'User agents': AGENT,
      Baseline: 'registered: DE',
      Pace: PACE,
    },
  },
  'outside-allowlist': {
    events: () => [call(0), thief(HOUR)],
    rules: { ipAllowlist: ['203.0.113.0/24'] },
    facts: {
      Key: 'key_9Xc1',
      Sources: FROM_THIEF,
      'User agents': AGENT,
      Baseline: 'an allowlist of 1 block',
      Pace: PACE,
    },
  },
  'impossible-travel': {
    events: () => [...every(20 * MINUTE, 0, DAY, BERLIN), thief(DAY, SYDNEY)],
    facts: {
      Key: 'key_9Xc1',
      Sources: FROM_THIEF,
      'User agents': AGENT,
      Pace: PACE,
      From: '203.0.113.5 (Berlin, DE)',
    },
  },
  'retired-key-use': {
    events: () => [call(0, { keyId: 'key_9Xc1' }), thief(2 * HOUR, { keyId: 'key_old' })],
    keys: [...OURS, key('key_old', { state: 'retired', expiresAt: START + HOUR, retiredBy: 'rot_7' })],
    facts: {
      Key: 'key_old of prod',
      Sources: FROM_THIEF,
      'User agents': AGENT,
      Pace: PACE,
      Rotation: 'rot_7',
    },
  },
  'unknown-key': {
    events: () => [call(0), thief(HOUR, { keyId: 'key_x' })],
    facts: { Key: 'key_x', Sources: FROM_THIEF, 'User agents': AGENT, Pace: PACE },
  },
  'dormant-key': {
    events: () => [call(0), thief(31 * DAY)],
    facts: {
      Key: 'key_9Xc1',
      Sources: FROM_THIEF,
      'User agents': AGENT,
      Pace: PACE,
      'Last used': '2026-10-05T00:00:00Z',
    },
  },
  'rate-limit-saturation': {
    events: () => every(SECOND, 0, 5 * MINUTE, { ip: THIEF, status: 429 }),
    facts: {
      Key: 'key_9Xc1',
      Sources: FROM_THIEF,
      'User agents': AGENT,
      Baseline: 'less than 20 % in 5m',
      Pace: PACE,
    },
  },
  'plaintext-attempt': {
    events: () => [thief(0), thief(HOUR, { status: 403 })],
    facts: { Key: 'key_9Xc1', Sources: FROM_THIEF, 'User agents': AGENT, Pace: PACE },
  },
  'volume-surge': {
    events: () => [
      ...every(10 * MINUTE, 0, 15 * DAY),
      ...every(2 * SECOND, 15 * DAY, 15 * DAY + HOUR, { ip: THIEF, userAgent: 'curl/8' }),
    ],
    facts: {
      Key: 'key_9Xc1',
      Sources: expect.stringContaining(THIEF),
      'User agents': expect.stringContaining('curl/8'),
      Baseline: expect.any(String),
      Pace: PACE,
    },
  },
  'new-client': {
    events: () => [...every(2 * HOUR, 0, 15 * DAY), thief(15 * DAY)],
    facts: { Key: 'key_9Xc1', Sources: FROM_THIEF, 'User agents': AGENT, Pace: PACE },
  },
};

/** The alert as it stands before its end, of a log that shows the events. */
function alertOf(kind: AlertKind, { events, rules = {}, keys = [] }: Case): Alert {
  const arrivals = onTime(events().toSorted((a, b) => a.time - b.time));
  const until = (arrivals.at(-1)?.at ?? START) + HOUR;
  const found = play(arrivals, {
    rules: rulesWith({
      otherKeys: keys.length > 0 ? {} : { key_9Xc1: { ...NOWHERE, owner: 'data team', retired: false } },
      detectors: { [kind]: ALL_DETECTORS[kind as keyof typeof ALL_DETECTORS] },
      ...rules,
    }),
    keys,
    from: START,
    until,
    every: 10 * MINUTE,
    apart: true,
  });
  const finding = found.findLast((told) => told.finding.ended !== true)?.finding;
  if (finding === undefined) throw new Error(`no ${kind} was found`);
  const signal = findingToSignal(finding, 'log');
  if (signal.type !== 'raise') throw new Error('not begun');
  const { type: _, transient: __, ...about } = signal as typeof signal & { transient?: boolean };
  const times = { firstSeenAt: signal.at, lastSeenAt: signal.at };
  const rest = { id: 'a1', dedupKey: 'k', identity: 'i', generation: 1, count: 1, revision: 1 };
  return { ...about, ...times, ...rest, state: 'triggered', acknowledgedBy: null } as unknown as Alert;
}

describe.each(Object.entries(CASES) as Array<[AlertKind, Case]>)('%s', (kind, found) => {
  const alert = alertOf(kind, found);
  const about = { event: 'trigger', installation: 'footage', environment: 'production' } as const;
  const now = alert.lastSeenAt + MINUTE;

  test('shows which key, from where, with what, against which habit and in which course', () => {
    const { facts, context } = render(alert, { ...about, now });
    expect(facts.length).toBeLessThanOrEqual(6);
    const names = Object.keys(found.facts);
    expect(facts.slice(0, names.length).map(({ label }) => label)).toEqual(names);
    expect(Object.fromEntries(facts.map(({ label, value }) => [label, value]))).toMatchObject(found.facts);
    expect(context).toContain(` · ${kind} · log · `);
  });

  test('leaves room for what joined it', () => {
    const also = ['new-client: key_9Xc1 used by curl/8', 'volume-surge: far more'];
    const { facts } = render({ ...alert, evidence: { ...alert.evidence, also } }, { ...about, now });
    expect(facts).toContainEqual({ label: 'Also', value: also.join(', ') });
  });

  test('has the same order in an incident, and nothing twice', () => {
    const message = { ...about, alert, provider: null, runbook: 'r', links: [], repeat: false };
    const { payload } = alertEvent(message as unknown as Parameters<typeof alertEvent>[0], 'k', now) as {
      payload: { custom_details: Record<string, string> };
    };
    const names = Object.keys(payload.custom_details);
    expect(names.length).toBeLessThanOrEqual(20);
    expect(names.slice(-2)).toEqual(['keyId', 'ips']);
    expect(names.indexOf('sources')).toBeLessThan(names.indexOf('pace'));
    for (const name of ['expected', 'first', 'last', 'keys']) expect(names).not.toContain(name);
  });
});

test('of many keys names them, and calls nothing "expected"', () => {
  const tried = Array.from({ length: 30 }, (_, turn) =>
    thief(DAY + turn * SECOND, { keyId: `key_${turn % 12}`, status: 401 }),
  );
  const alert = alertOf('auth-failure-spike', {
    events: () => [...every(HOUR, 0, DAY), ...tried],
    facts: {},
  });
  const labels = render(alert, {
    event: 'trigger',
    installation: 'f',
    environment: 'p',
    now: START,
  }).facts.map(({ label }) => label);
  expect(labels.slice(0, 4)).toEqual(['Keys', 'Sources', 'Usual', 'Pace']);
  expect(labels).not.toContain('Expected');
});

test('of a silent log says since when and why', () => {
  const finding: Finding = {
    kind: 'log-silence',
    severity: 'warning',
    condition: 'feed',
    at: START,
    keyId: null,
    credential: null,
    ips: [],
    firstEventAt: START,
    lastEventAt: START,
    title: 'the log log has not been read for 1h',
    summary: 'No poll has got further.',
    action: null,
    evidence: { ips: [], since: 'an hour ago', trouble: 'polls fail' },
  };
  const signal = findingToSignal(finding, 'log');
  const about = { event: 'trigger', installation: 'f', environment: 'p', now: START } as const;
  const { facts } = render(
    { ...signal, firstSeenAt: START, lastSeenAt: START, count: 1 } as unknown as Alert,
    about,
  );
  expect(facts.map(({ label }) => label)).toEqual(['Since', 'Trouble', 'First event at', 'Last event at']);
});
