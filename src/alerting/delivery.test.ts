import { describe, expect, test } from 'vitest';
import { type Delivery, type Failure, HOUR, MINUTE, type Severity } from '../model/index.ts';
import { backoff } from './backoff.ts';
import {
  beginDelivery as beginAt,
  cancelDelivery,
  foldDelivery,
  overSince,
  planDelivery,
  type Turn,
  wakeFollowers,
} from './delivery.ts';
import { seeded } from './hostile.suite.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const TURN: Turn = { now: NOW, unit: 0, overSince: null };
const REFUSED: Failure = {
  code: 'refused',
  verdict: 'permanent',
  message: 'Slack answered 404; check the webhook',
};
const BUSY: Failure = { code: 'unavailable', verdict: 'retryable', message: 'Slack answered 503' };
const LOST: Failure = { code: 'timeout', verdict: 'unknown', message: 'Slack did not answer' };

const beginDelivery = (one: Delivery) => beginAt(one, NOW);

function delivery(fields: Partial<Delivery> = {}): Delivery {
  return {
    id: 'd1',
    alertId: 'a1',
    channel: 'team',
    event: 'trigger',
    state: 'pending',
    attempts: 0,
    lastError: null,
    createdAt: NOW,
    at: null,
    ...fields,
  };
}

function plan(one: Delivery, siblings: readonly Delivery[], severity: Severity = 'warning') {
  return planDelivery(one, siblings, { severity, late: false });
}

/** One attempt from its intent to its outcome. */
function attempt(before: Delivery, outcome: Failure | null, turn = TURN) {
  return foldDelivery(beginDelivery(before).delivery, outcome, turn);
}

describe('an attempt', () => {
  test('is counted before it is made', () => {
    expect(beginDelivery(delivery())).toMatchObject({
      repeat: false,
      delivery: { attempts: 1, at: NOW, lastError: { code: 'in_flight', verdict: 'unknown' } },
    });
  });

  test('after a crash in the midst of one is marked as a possible repeat', () => {
    const crashed = beginDelivery(delivery()).delivery;
    expect(beginDelivery(crashed)).toMatchObject({
      repeat: true,
      delivery: { attempts: 2, lastError: { code: 'interrupted', verdict: 'unknown' } },
    });
  });

  test('after one that certainly did not arrive is no repeat', () => {
    expect(beginDelivery(attempt(delivery(), BUSY).delivery).repeat).toBe(false);
  });

  test('that may have arrived is not forgotten when later ones certainly did not', () => {
    const lost = attempt(delivery(), LOST).delivery;
    const busy = attempt(attempt(lost, BUSY).delivery, BUSY).delivery;
    expect(busy.lastError).toEqual({ ...BUSY, verdict: 'unknown' });
    expect(beginDelivery(busy).repeat).toBe(true);
    const crashed = beginDelivery(beginDelivery(delivery()).delivery).delivery;
    expect(foldDelivery(crashed, BUSY, TURN).delivery.lastError?.verdict).toBe('unknown');
  });
});

describe('an outcome', () => {
  test('of success settles the delivery and ends the alert about its channel', () => {
    expect(attempt(delivery(), null)).toEqual({
      delivery: delivery({ state: 'delivered', attempts: 1, at: NOW }),
      signals: [{ type: 'resolve', kind: 'channel-failed', channel: 'team', condition: 'team', at: NOW }],
      nextAt: null,
    });
  });

  test('that can pass is tried again after 1, 2, 4 … 60 s', () => {
    let current = delivery();
    const waits: number[] = [];
    for (let times = 0; times < 11; times += 1) {
      const folded = attempt(current, times % 2 === 0 ? BUSY : LOST);
      current = folded.delivery;
      expect(current.state).toBe('pending');
      waits.push((folded.nextAt ?? 0) - NOW);
    }
    expect(waits.map((ms) => ms / 1_000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 120, 240, 300]);
  });

  test('with a Retry-After waits as long as that', () => {
    expect(attempt(delivery(), { ...BUSY, retryAfterMs: 42_000 }).nextAt).toBe(NOW + 42_000);
  });

  test.each([REFUSED, { ...REFUSED, verdict: 'rejected' as const }])(
    'that is for good ($verdict) settles it as failed and raises an alert about the channel',
    (failure) => {
      const folded = attempt(delivery(), failure);
      expect(folded.delivery).toEqual(
        delivery({ state: 'failed', attempts: 1, lastError: failure, at: NOW }),
      );
      expect(folded.nextAt).toBeNull();
      expect(folded.signals).toMatchObject([
        {
          type: 'raise',
          kind: 'channel-failed',
          channel: 'team',
          condition: 'team',
          severity: 'warning',
          title: 'Channel team is down: Slack answered 404',
          evidence: { code: 'refused' },
        },
      ]);
    },
  );

  test('that fails eight times in succession raises an alert about the channel, and the delivery stays', () => {
    let current = delivery();
    const raised: number[] = [];
    for (let times = 1; times <= 17; times += 1) {
      const folded = attempt(current, BUSY);
      current = folded.delivery;
      if (folded.signals.length > 0) raised.push(times);
    }
    expect(raised).toEqual([8, 16]);
    expect(current).toMatchObject({ state: 'pending', attempts: 17 });
  });

  test('after days still leaves the message of an open alert pending', () => {
    const folded = attempt(delivery({ attempts: 5_000 }), BUSY, { ...TURN, now: NOW + 90 * 24 * HOUR });
    expect(folded.delivery.state).toBe('pending');
    expect(folded.nextAt).not.toBeNull();
  });

  test('gives up 24 h after the end of its alert and not before', () => {
    const over = { ...TURN, overSince: NOW + HOUR };
    expect(attempt(delivery(), BUSY, { ...over, now: NOW + 25 * HOUR - 1 }).delivery.state).toBe('pending');
    expect(attempt(delivery(), BUSY, { ...over, now: NOW + 25 * HOUR })).toMatchObject({
      delivery: { state: 'failed', at: NOW + 25 * HOUR },
      nextAt: null,
    });
  });

  test('counts these hours from when the end was noted, and for the end from when the trigger was settled', () => {
    const over = { state: 'resolved' } as const;
    const trigger = delivery();
    const end = delivery({ id: 'd2', event: 'resolve', createdAt: NOW + HOUR });
    const elsewhere = delivery({ ...end, id: 'd3', channel: 'oncall', createdAt: NOW + 9 * HOUR });
    expect(overSince(trigger, [trigger, end], { state: 'triggered' })).toBeNull();
    expect(overSince(trigger, [trigger], over)).toBe(NOW);
    expect(overSince(trigger, [trigger, end, elsewhere], over)).toBe(NOW + HOUR);
    const settled = delivery({ state: 'failed', at: NOW + 25 * HOUR });
    expect(overSince(end, [settled, end], over)).toBe(NOW + 25 * HOUR);
  });

  test.each(['delivered', 'failed', 'cancelled'] as const)('cannot change a delivery that is %s', (state) => {
    const settled = delivery({ state, at: NOW - 1 });
    expect(foldDelivery(settled, BUSY, TURN)).toEqual({ delivery: settled, signals: [], nextAt: null });
    expect(foldDelivery(settled, null, TURN)).toEqual({ delivery: settled, signals: [], nextAt: null });
  });
});

describe('the order per alert and channel', () => {
  const trigger = delivery();
  const resolve = delivery({ id: 'd2', event: 'resolve', createdAt: NOW + 1 });
  const arrived = delivery({ state: 'delivered', attempts: 1, at: NOW });

  test('a lone trigger is sent, also of an alert that is over already', () => {
    expect(plan(trigger, [trigger])).toBe('send');
  });

  test.each(['warning', 'critical'] as const)(
    'a %s that ended before it could be told is told, and then its end',
    (severity) => {
      const tried = attempt(trigger, BUSY).delivery;
      for (const unsent of [trigger, tried]) {
        expect(plan(unsent, [unsent, resolve], severity)).toBe('send');
        expect(plan(resolve, [unsent, resolve], severity)).toBe('wait');
      }
      expect(plan(resolve, [arrived, resolve], severity)).toBe('send');
    },
  );

  test('an info that was not sent is cancelled by its resolve, and then the resolve too', () => {
    expect(plan(trigger, [trigger, resolve], 'info')).toBe('cancel');
    expect(plan(resolve, [trigger, resolve], 'info')).toBe('wait');
    const cancelled = cancelDelivery(trigger, NOW + 2);
    expect(plan(resolve, [cancelled, resolve], 'info')).toBe('cancel');
  });

  test('of two triggers that were not sent before the end, the later is told', () => {
    const later = delivery({ id: 'd3', createdAt: NOW + 1 });
    const all = [trigger, later, resolve];
    expect(all.map((one) => plan(one, all))).toEqual(['cancel', 'send', 'wait']);
  });

  test('a resolve waits for a trigger whose outcome is not known, and then ends it', () => {
    const flying = beginDelivery(trigger).delivery;
    expect(plan(resolve, [flying, resolve])).toBe('wait');
    const lost = foldDelivery(flying, LOST, TURN).delivery;
    expect(plan(resolve, [lost, resolve])).toBe('wait');
    expect([plan(lost, [lost, resolve]), plan(lost, [lost, resolve], 'info')]).toEqual(['send', 'cancel']);
    expect(plan(resolve, [cancelDelivery(lost, NOW), resolve])).toBe('send');
  });

  test('a trigger follows no resolve that was sent or may have been', () => {
    const same = delivery({ id: 'd0', event: 'resolve' });
    expect(plan(trigger, [same, trigger])).toBe('send');
    for (const told of [{ ...same, state: 'delivered' as const }, beginDelivery(same).delivery]) {
      expect(plan(trigger, [told, trigger])).toBe('cancel');
    }
  });

  test('what waits is woken once what it waits for is settled, on its own channel', () => {
    const others = [
      resolve,
      delivery({ id: 'd8', state: 'cancelled' }),
      delivery({ id: 'd9', channel: 'x' }),
    ];
    expect(wakeFollowers(trigger, [trigger, ...others], NOW)).toEqual([]);
    expect(wakeFollowers(arrived, [trigger, ...others], NOW)).toEqual([
      { type: 'work.wake', kind: 'delivery', id: 'd2', at: NOW },
    ]);
  });

  test('a resolve is sent where its trigger arrived', () => {
    expect(plan(resolve, [arrived, resolve])).toBe('send');
  });

  test('a resolve is not sent where its trigger was refused', () => {
    const failed = delivery({ state: 'failed', attempts: 1, lastError: REFUSED });
    expect(plan(resolve, [failed, resolve])).toBe('cancel');
  });

  test('a trigger with a risen severity replaces the one before, unless that is under way', () => {
    const later = delivery({ id: 'd3', createdAt: NOW + 1 });
    expect(plan(trigger, [trigger, later])).toBe('cancel');
    expect(plan(later, [trigger, later])).toBe('send');
    const flying = beginDelivery(trigger).delivery;
    expect(plan(later, [flying, later])).toBe('wait');
    const twin = delivery({ id: 'd9' });
    expect([plan(trigger, [trigger, twin]), plan(twin, [trigger, twin])]).toEqual(['cancel', 'send']);
  });

  test('an acknowledgement follows its trigger and is void after the end', () => {
    const ack = delivery({ id: 'd4', event: 'acknowledge', createdAt: NOW + 1 });
    expect(plan(ack, [trigger, ack])).toBe('wait');
    expect(plan(ack, [arrived, ack])).toBe('send');
    expect(plan(ack, [arrived, ack, resolve])).toBe('cancel');
    expect(plan(ack, [ack])).toBe('cancel');
  });

  test('what another channel does has no part in it', () => {
    const elsewhere = delivery({ id: 'd7', channel: 'oncall', event: 'resolve' });
    expect(plan(trigger, [trigger, elsewhere])).toBe('send');
    expect(plan({ ...resolve, channel: 'oncall' }, [arrived])).toBe('cancel');
  });
});

describe('a channel that fails at random, with crashes', () => {
  /** Runs a trigger and its resolve to their ends; returns what the channel saw, in order. */
  function run(seed: number, severity: Severity): string[] {
    const random = seeded(seed);
    const seen: string[] = [];
    const rows = new Map([['d1', delivery()]]);
    const resolveAt = Math.floor(random() * 12);
    for (let turn = 0; turn < 400; turn += 1) {
      if (turn === resolveAt) rows.set('d2', delivery({ id: 'd2', event: 'resolve', createdAt: NOW + turn }));
      const pending = [...rows.values()].filter(({ state }) => state === 'pending');
      const one = pending[Math.floor(random() * pending.length)];
      if (one === undefined) continue;
      const next = plan(one, [...rows.values()], severity);
      if (next === 'cancel') rows.set(one.id, cancelDelivery(one, NOW));
      if (next !== 'send') continue;
      const { delivery: begun, repeat } = beginDelivery(one);
      rows.set(one.id, begun);
      const luck = random();
      const arrives = luck < 0.5;
      if (arrives) seen.push(`${one.event}${repeat ? ' repeat' : ''}`);
      if (random() < 0.2) continue;
      const outcome = arrives ? (random() < 0.5 ? null : LOST) : random() < 0.5 ? BUSY : LOST;
      rows.set(one.id, foldDelivery(begun, outcome, TURN).delivery);
    }
    expect([...rows.values()].filter(({ state }) => state === 'pending')).toEqual([]);
    return seen;
  }

  test('never misses a warning, nor gets a trigger after a resolve, an unmarked repeat, or no end', () => {
    for (let seed = 1; seed <= 3_000; seed += 1) {
      const severity = seed % 3 === 0 ? 'info' : 'warning';
      const seen = run(seed, severity);
      const story = seen.map((entry) => entry.split(' ')[0]).join(' ');
      expect(story, `seed ${seed}`).toMatch(/^(trigger ?)*(resolve ?)*$/);
      if (severity === 'warning') expect(story, `seed ${seed}`).toContain('trigger');
      if (story.includes('trigger')) expect(story, `seed ${seed}`).toContain('resolve');
      expect(seen.filter((entry) => entry === 'trigger').length, `seed ${seed}`).toBeLessThanOrEqual(1);
      expect(seen.filter((entry) => entry === 'resolve').length, `seed ${seed}`).toBeLessThanOrEqual(1);
    }
  });
});

test('the jitter takes off a quarter at most, and an absurd Retry-After is believed for an hour', () => {
  expect(backoff(7, 0.999_999)).toBe(45_000);
  expect(backoff(1, 0, 1e12)).toBe(HOUR);
  expect(backoff(1e9, 0)).toBe(5 * MINUTE);
});
