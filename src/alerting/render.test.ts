import { describe, expect, test } from 'vitest';
import { type Alert, type Finding, HOUR, MINUTE } from '../model/index.ts';
import { findingToSignal } from './finding.ts';
import { Hostile, PAYLOADS } from './hostile.suite.ts';
import { render } from './render.ts';
import { bounded, listed, printable } from './text.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const CONTEXT = { event: 'trigger', installation: 'footage', environment: 'production', now: NOW } as const;

const ALERT: Alert = {
  credential: 'frameflow-prod',
  monitor: 'frameflow-auth-log',
  id: '0199-a1',
  dedupKey: 'k',
  identity: 'i',
  generation: 1,
  kind: 'auth-failure-spike',
  severity: 'critical',
  state: 'triggered',
  title: '212 refused logins in 5 minutes with key_9Xc1',
  summary: 'Somebody tries keys from one network.',
  action: 'Run `keywarden rotate frameflow-prod --emergency`',
  deadline: NOW + 3 * HOUR + 5 * MINUTE,
  evidence: { keyId: 'key_9Xc1', ips: ['198.51.100.7', '198.51.100.8'], refusedCalls: 212, quiet: null },
  firstSeenAt: NOW - 10 * MINUTE,
  lastSeenAt: NOW - MINUTE,
  count: 3,
  acknowledgedBy: null,
  triggeredAt: NOW - 10 * MINUTE,
  reportedAt: null,
  revision: 3,
};

describe('the words of an alert', () => {
  test('say severity, verdict, who, until when, from where, what to do and when', () => {
    expect(render(ALERT, CONTEXT)).toEqual({
      headline: 'CRITICAL: 212 refused logins in 5 minutes with key_9Xc1',
      facts: [
        { label: 'Key', value: 'key_9Xc1 of frameflow-prod' },
        { label: 'Deadline', value: '2026-10-01T12:05:00Z (in 3h5m)' },
        { label: 'Addresses', value: '198.51.100.7, 198.51.100.8' },
        { label: 'Refused calls', value: '212' },
      ],
      body: 'Somebody tries keys from one network.',
      action: 'Run `keywarden rotate frameflow-prod --emergency`',
      context:
        '0199-a1 · auth-failure-spike · frameflow-auth-log · 3 times from 2026-10-01T08:50:00Z to 2026-10-01T08:59:00Z',
    });
  });

  test('of another alert than the log watch’s say where, and fill the room that is left with other evidence', () => {
    const { monitor: _, ...alert } = { ...ALERT, deadline: null };
    expect(render(alert, CONTEXT).facts).toEqual([
      { label: 'Credential', value: 'frameflow-prod' },
      { label: 'Environment', value: 'footage/production' },
      { label: 'Key', value: 'key_9Xc1' },
      { label: 'Addresses', value: '198.51.100.7, 198.51.100.8' },
      { label: 'Refused calls', value: '212' },
    ]);
  });

  test('tell a deadline that is past', () => {
    const { facts } = render({ ...ALERT, deadline: NOW - 90_000 }, CONTEXT);
    expect(facts[1]).toEqual({ label: 'Deadline', value: '2026-10-01T08:58:30Z (1m30s ago)' });
  });

  test('of an end say when and after how long, and ask for nothing', () => {
    const ended = render({ ...ALERT, state: 'resolved' }, { ...CONTEXT, event: 'resolve' });
    expect(ended.headline).toBe('Resolved: 212 refused logins in 5 minutes with key_9Xc1');
    expect(ended.body).toBe('It ended at 2026-10-01T08:59:00Z, after 9m.');
    expect(ended.action).toBeNull();
  });

  test('of what ended before it could be told say so, and still what to do', () => {
    const late = render({ ...ALERT, state: 'resolved' }, CONTEXT);
    expect(late.headline).toBe('CRITICAL (over): 212 refused logins in 5 minutes with key_9Xc1');
    expect(late.body).toBe('Over since 2026-10-01T08:59:00Z. Somebody tries keys from one network.');
    expect(late.action).toBe(ALERT.action);
  });

  test.each([
    ['critical', 'CRITICAL'],
    ['warning', 'Warning'],
    ['info', 'Info'],
  ] as const)('of an event that is %s never say that it is over', (severity, word) => {
    const event = { ...ALERT, severity, state: 'resolved', transient: true } as const;
    const { headline, body } = render(event, CONTEXT);
    expect([headline, body]).toEqual([`${word}: ${ALERT.title}`, ALERT.summary]);
  });

  test('of an acknowledgement say by whom', () => {
    const taken = { ...ALERT, state: 'acknowledged', acknowledgedBy: 'ops' } as const;
    const rendered = render(taken, { ...CONTEXT, event: 'acknowledge' });
    expect(rendered.headline).toMatch(/^Acknowledged: /);
    expect(rendered.body).toContain('Acknowledged by ops.');
  });

  test('stay printable and within their limits for thousands of hostile alerts', { timeout: 120_000 }, () => {
    const hostile = new Hostile(1);
    const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
    for (let round = 0; round < PAYLOADS; round += 1) {
      const { event, alert, installation, environment } = hostile.message();
      const { headline, facts, body, action, context } = render(alert, {
        event,
        installation,
        environment,
        now: NOW,
      });
      const sizes = [headline.length <= 150, facts.length <= 6, body.length <= 1_200];
      const more = [(action ?? '').length <= 600, context.length <= 300];
      const pairs = facts.every(({ label, value }) => label.length <= 40 && value.length <= 200);
      const all = [
        headline,
        body,
        action ?? '',
        context,
        ...facts.flatMap(({ label, value }) => [label, value]),
      ];
      if (![...sizes, ...more, pairs].every(Boolean) || all.some((text) => UNSAFE.test(text))) {
        expect.fail(`round ${round}: ${JSON.stringify({ headline, facts, body, action, context })}`);
      }
    }
  });
});

describe('text', () => {
  test('shows what it holds', () => {
    expect(printable('a\nb\tc\u001b[2J\u202e\ud800😀')).toBe('a b c\\u{1b}[2J\\u{202e}\\u{d800}😀');
  });

  test('is cut between characters', () => {
    expect(bounded('abc', 3)).toBe('abc');
    expect(bounded('abcd', 3)).toBe('ab…');
    expect(bounded('a😀bcd', 3)).toBe('a…');
    expect(bounded('\u0000'.repeat(10), 8)).toBe('\\u{0}\\u…');
  });

  test('lists some and counts the rest', () => {
    expect(listed(['a', 'b', 'c'], 2)).toBe('a, b and 1 more');
    expect(listed(['a', 'b'], 2)).toBe('a, b');
  });
});

describe('a finding', () => {
  const FINDING: Finding = {
    kind: 'auth-failure-spike',
    severity: 'warning',
    condition: 'key_9Xc1',
    at: NOW,
    keyId: 'key_9Xc1',
    credential: 'frameflow-prod',
    ips: ['198.51.100.7'],
    firstEventAt: NOW - MINUTE,
    lastEventAt: NOW,
    title: '12 refused logins',
    summary: 'From one address.',
    action: null,
    evidence: { refused: 12, ips: ['forged'] },
  };

  test('becomes a raise with its addresses, its key, its times and what to do', () => {
    expect(findingToSignal(FINDING, 'auth-log')).toEqual({
      type: 'raise',
      kind: 'auth-failure-spike',
      monitor: 'auth-log',
      credential: 'frameflow-prod',
      condition: 'key_9Xc1',
      severity: 'warning',
      at: NOW,
      lastAt: NOW,
      title: '12 refused logins',
      summary: 'From one address.',
      action:
        'Find out who calls from these addresses. Strangers who only fail: have them blocked. If one got in: `keywarden compromise frameflow-prod --key key_9Xc1`',
      deadline: null,
      evidence: {
        refused: 12,
        ips: ['198.51.100.7'],
        keyId: 'key_9Xc1',
        firstEventAt: '2026-10-01T08:59:00Z',
        lastEventAt: '2026-10-01T09:00:00Z',
      },
    });
  });

  test('says nothing twice: not its times under two names, nor its own key among others', () => {
    const keysOf = (keys: readonly string[]) => {
      const evidence = { ...FINDING.evidence, keys, first: 'then', last: 'now' };
      const signal = findingToSignal({ ...FINDING, evidence }, 'auth-log');
      return signal.type === 'raise' ? signal.evidence : {};
    };
    expect(Object.keys(keysOf(['key_9Xc1']))).toEqual([
      ...['refused', 'ips', 'keyId', 'firstEventAt', 'lastEventAt'],
    ]);
    expect(keysOf(['key_9Xc1', 'key_b']).keys).toEqual(['key_9Xc1', 'key_b']);
  });

  test('keeps the advice its detector gave, and gives other advice for a key that is not managed', () => {
    const action = (fields: Partial<Finding>) => {
      const signal = findingToSignal({ ...FINDING, ...fields }, 'auth-log');
      return signal.type === 'raise' ? signal.action : null;
    };
    expect(action({ action: 'Do this.' })).toBe('Do this.');
    expect(action({ credential: null })).toMatch(/: replace that key at the provider$/);
    expect(action({ kind: 'retired-key-use' })).toContain('`keywarden history frameflow-prod`');
  });

  test('that has ended becomes a resolve of the same identity', () => {
    expect(findingToSignal({ ...FINDING, ended: true }, 'auth-log')).toEqual({
      type: 'resolve',
      kind: 'auth-failure-spike',
      monitor: 'auth-log',
      credential: 'frameflow-prod',
      condition: 'key_9Xc1',
      at: NOW,
    });
  });
});
