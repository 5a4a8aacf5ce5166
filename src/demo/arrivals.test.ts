import { describe, expect, test } from 'vitest';
import type { Alert, Delivery } from '../model/index.ts';
import type { PagerDutyEvent, SlackMessage } from '../sandbox/index.ts';
import { arrivals, type Owed, type Received } from './arrivals.ts';

const ID = '0199c1d2-0000-4000-8000-000000000001';
const ALERT: Alert = {
  id: ID,
  dedupKey: 'spike:log:1',
  identity: '',
  generation: 1,
  kind: 'auth-failure-spike',
  severity: 'critical',
  state: 'triggered',
  title: 'seven failures',
  summary: '',
  action: null,
  deadline: null,
  evidence: {},
  firstSeenAt: 0,
  lastSeenAt: 0,
  count: 1,
  acknowledgedBy: null,
  triggeredAt: 0,
  reportedAt: null,
  revision: 1,
};

function owed(...deliveries: ReadonlyArray<Partial<Delivery>>): readonly Owed[] {
  const whole = deliveries.map((delivery, index): Delivery => {
    return {
      id: String(index),
      alertId: ID,
      channel: 'slack',
      event: 'trigger',
      state: 'delivered',
      attempts: 1,
      lastError: null,
      createdAt: 0,
      at: null,
      ...delivery,
    };
  });
  return [{ alert: ALERT, deliveries: whole }];
}

const slack = (text: string): SlackMessage => ({
  receivedAt: 0,
  text,
  payload: { blocks: [{ elements: [{ text: `Alert ${ID} · auth-failure-spike` }] }] },
});
const pagerduty = (action: PagerDutyEvent['action'], dedupKey: string): PagerDutyEvent => {
  return { receivedAt: 0, action, dedupKey, payload: null, body: { details: `Alert ${ID} · x` } };
};
const received = (...slackMessages: readonly SlackMessage[]): Received => ({
  slack: slackMessages,
  pagerduty: [],
});

describe('an alert', () => {
  test('has arrived where its message is among those received', () => {
    expect(arrivals('slack', owed({}), received(slack('CRITICAL: seven')), 0)).toEqual({
      owed: 1,
      arrived: 1,
      pending: 0,
      lost: [],
    });
  });

  test('is lost where it counts as delivered and nothing came', () => {
    expect(arrivals('slack', owed({}), received(), 0)).toMatchObject({
      arrived: 0,
      lost: ['auth-failure-spike (seven failures): its trigger counts as delivered and was never received'],
    });
  });

  test('is lost where only its begin came and its end counts as delivered', () => {
    const both = owed({}, { event: 'resolve' });
    const begin = slack('CRITICAL: seven');
    expect(arrivals('slack', both, received(begin), 0).lost).toHaveLength(1);
    expect(arrivals('slack', both, received(begin, slack('Resolved: seven')), 0).arrived).toBe(1);
  });

  test('is lost where its message was cancelled or given up', () => {
    const failure = { code: 'refused', verdict: 'permanent', message: 'Slack answered 404' } as const;
    const lost = (delivery: Partial<Delivery>) => arrivals('slack', owed(delivery), received(), 0).lost;
    expect(lost({ state: 'cancelled' })).toEqual([
      'auth-failure-spike (seven failures): its message was cancelled',
    ]);
    expect(lost({ state: 'failed', lastError: failure })).toEqual([
      'auth-failure-spike (seven failures): Slack answered 404',
    ]);
  });

  test('is on its way while a message is pending, and not counted where it was owed too late', () => {
    const result = (createdAt: number) =>
      arrivals('slack', owed({ state: 'pending', createdAt }), received(), 5);
    expect(result(5)).toMatchObject({ owed: 1, pending: 1, lost: [] });
    expect(result(6)).toMatchObject({ owed: 0, pending: 0, lost: [] });
  });

  test('is known to PagerDuty by its dedup key, and as a change by its id', () => {
    const told = owed({ channel: 'pagerduty' });
    const by = (event: PagerDutyEvent) => arrivals('pagerduty', told, { slack: [], pagerduty: [event] }, 0);
    expect(by(pagerduty('trigger', 'spike:log:1')).arrived).toBe(1);
    expect(by(pagerduty('trigger', 'spike:log:2')).arrived).toBe(0);
    expect(by(pagerduty('resolve', 'spike:log:1')).arrived).toBe(0);
    expect(by(pagerduty('change', '')).arrived).toBe(1);
  });
});
