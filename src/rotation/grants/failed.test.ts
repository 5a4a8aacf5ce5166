import { describe, expect, test } from 'vitest';
import type { ClientPause } from '../../model/index.ts';
import { DAY, HOUR, MINUTE, SECOND, Secret } from '../../model/index.ts';
import { isPaused } from './pauses.ts';
import {
  Desk,
  failure,
  INVALID_CLIENT,
  INVALID_GRANT,
  LOST,
  NOT_SENT,
  START,
  tokens,
  UNAVAILABLE,
} from './testing/desk.ts';

/** Somebody waits and there is no token. */
function wanting(): Desk {
  const desk = new Desk({ lane: 'waiting' });
  desk.now = START + 2 * HOUR;
  return desk;
}

const pause = (desk: Desk) => desk.situation.client.pause;
/** When something is to be sent again, whenever that is. */
function later(desk: Desk): void {
  for (let action = desk.plan(); action.do === 'wait'; action = desk.plan()) desk.now = action.until;
}

describe('nothing was sent', () => {
  test('the same token is tried again, each time later', () => {
    const desk = wanting();
    const delays = [1, 2].map(() => {
      desk.fails(NOT_SENT);
      const action = desk.plan();
      const delay = action.do === 'wait' ? action.until - desk.now : 0;
      later(desk);
      return delay;
    });
    expect(delays).toEqual([1.25 * SECOND, 2.5 * SECOND]);
    expect(desk.grant.attempt).toBeNull();
    expect(desk.plan()).toMatchObject({ do: 'refresh', attempt: { sent: 1 } });
  });
});

describe('429', () => {
  test('pauses the whole client until Retry-After, and nothing else happens', () => {
    const desk = wanting();
    desk.fails(failure('rate_limited', 'retryable', 40 * SECOND));
    expect(pause(desk)).toEqual({ until: desk.now + 40 * SECOND, why: 'rate-limited', count: 1 });
    expect(desk.grant).toMatchObject({ state: 'active', attempt: null });
    expect(desk.plan()).toEqual({ do: 'wait', until: desk.now + 41.25 * SECOND, lane: 'waiting' });
    expect(desk.told()).toEqual([]);
  });

  test('without Retry-After the pauses double', () => {
    const desk = wanting();
    for (const length of [30, 60, 120]) {
      desk.fails(failure('rate_limited', 'retryable'));
      expect((pause(desk)?.until ?? 0) - desk.now).toBe(length * SECOND);
      later(desk);
    }
  });

  test('that comes in during the pause does not write it anew, unless it asks for longer', () => {
    const desk = wanting();
    const [one, two] = [desk.send(), desk.send()];
    desk.fold(one, { of: 'refresh', failure: failure('rate_limited', 'retryable', 40 * SECOND) });
    const before = desk.situation.clientRevision;
    desk.set({ held: { ...desk.situation.held, grant: { ...desk.grant, attempt: two.attempt } } });
    desk.fold(two, { of: 'refresh', failure: failure('rate_limited', 'retryable', 40 * SECOND) });
    expect(desk.situation.clientRevision).toBe(before);
    desk.set({ held: { ...desk.situation.held, grant: { ...desk.grant, attempt: two.attempt } } });
    desk.fold(two, { of: 'refresh', failure: failure('rate_limited', 'retryable', 90 * SECOND) });
    expect(pause(desk)).toMatchObject({ until: desk.now + 90 * SECOND, count: 1 });
  });

  test('is not cut short by a 503 that comes in during the pause', () => {
    const desk = wanting();
    const sent = desk.send();
    desk.fold(sent, { of: 'refresh', failure: failure('rate_limited', 'retryable', 5 * MINUTE) });
    desk.setGrant({ attempt: sent.attempt });
    desk.fold(sent, { of: 'refresh', failure: failure('unavailable', 'retryable', 20 * SECOND) });
    expect(pause(desk)?.until).toBe(desk.now + 5 * MINUTE);
  });

  test('for ten minutes and more is told; a server’s word counts for a day at most', () => {
    const desk = wanting();
    desk.fails(failure('rate_limited', 'retryable', 365 * DAY));
    expect(pause(desk)?.until).toBe(desk.now + DAY);
    expect(desk.told()).toEqual(['raise refresh-failed unavailable']);
  });
});

describe('503', () => {
  test('with Retry-After holds the client back until then', () => {
    const desk = wanting();
    desk.fails(failure('unavailable', 'retryable', 20 * SECOND));
    expect(isPaused(desk.situation.client, desk.now + 20 * SECOND - 1)).toBe(true);
    const action = desk.plan();
    expect(action.do === 'wait' && action.until - desk.now).toBeGreaterThanOrEqual(20 * SECOND);
  });

  test('else is tried again with a jitter, and the third in succession opens the breaker', () => {
    const jitters = [0, 0.9].map((spread) => {
      const desk = new Desk({ lane: 'waiting', spread });
      desk.now = START + 2 * HOUR;
      desk.fails(UNAVAILABLE);
      return (desk.grant.retryAt ?? 0) - desk.now;
    });
    expect(jitters).toEqual([1000, 1450]);
    const desk = wanting();
    for (const open of [false, false, true]) {
      desk.fails(UNAVAILABLE);
      expect(pause(desk) !== null).toBe(open);
      later(desk);
    }
  });

  test('an outage is one alert; one grant tries after each pause, and its success ends it', () => {
    const desk = wanting();
    for (let round = 0; round < 12; round += 1) {
      desk.fails(UNAVAILABLE);
      later(desk);
    }
    expect(new Set(desk.told())).toEqual(new Set(['raise refresh-failed unavailable']));
    expect(pause(desk)?.count).toBe(10);
    desk.succeeds(tokens(2));
    expect(desk.situation.client).toMatchObject({ pause: null, failures: 0 });
    expect(desk.told().at(-1)).toBe('resolve refresh-failed unavailable');
  });

  test('an outage that loses answers opens it as well: not one grant after the other is put at risk', () => {
    const desk = wanting();
    for (let round = 0; round < 3; round += 1) {
      desk.fails(LOST);
      later(desk);
    }
    expect(pause(desk)?.why).toBe('unavailable');
  });

  test('a success between is no row of failures', () => {
    const desk = wanting();
    for (let round = 0; round < 5; round += 1) {
      desk.fails(UNAVAILABLE);
      later(desk);
      desk.succeeds(tokens(round + 2));
      desk.now += 2 * HOUR;
    }
    expect(desk.situation.client).toMatchObject({ pause: null, failures: 0 });
  });
});

describe('invalid_client', () => {
  test('pauses all, is told once, and no grant is dead', () => {
    const desk = wanting();
    desk.fails(INVALID_CLIENT);
    expect(pause(desk)).toMatchObject({ why: 'client-refused', until: desk.now + MINUTE });
    expect(desk.grant).toMatchObject({ state: 'active', attempt: null });
    expect(desk.told()).toEqual(['raise refresh-failed client-refused']);
    expect(desk.plan()).toMatchObject({ do: 'wait', until: desk.now + MINUTE + 1.25 * SECOND });
  });

  test('of requests that were under way is not told again', () => {
    const desk = wanting();
    const sent = desk.send();
    desk.fold(sent, { of: 'refresh', failure: INVALID_CLIENT });
    desk.setGrant({ attempt: sent.attempt });
    desk.fold(sent, { of: 'refresh', failure: INVALID_CLIENT });
    expect(desk.told()).toHaveLength(1);
  });

  test('is tried again, and the right secret ends it', () => {
    const desk = wanting();
    desk.fails(INVALID_CLIENT);
    later(desk);
    desk.fails(INVALID_CLIENT);
    expect(pause(desk)).toMatchObject({ why: 'client-refused', count: 2, until: desk.now + 2 * MINUTE });
    later(desk);
    desk.succeeds(tokens(2));
    expect(pause(desk)).toBeNull();
    expect(desk.told().at(-1)).toBe('resolve refresh-failed client-refused');
  });

  test('is tried again every five minutes at least: the secret is put right by a person', () => {
    const desk = wanting();
    for (let round = 0; round < 20; round += 1) {
      desk.fails(INVALID_CLIENT);
      expect((pause(desk)?.until ?? 0) - desk.now).toBeLessThanOrEqual(5 * MINUTE);
      later(desk);
    }
  });

  test.each([UNAVAILABLE, failure('rate_limited', 'retryable', SECOND)])(
    'whose trial is not served ($code) is not known to be over, and tried again as soon as before',
    (why) => {
      const desk = wanting();
      desk.fails(INVALID_CLIENT);
      for (let round = 0; round < 5; round += 1) {
        later(desk);
        desk.fails(why);
        expect(pause(desk)).toEqual({ why: 'client-refused', count: 1, until: desk.now + MINUTE });
      }
      expect(desk.told()).toEqual(['raise refresh-failed client-refused']);
    },
  );

  test('is over, too, where a grant is called invalid: the client was heard', () => {
    const desk = wanting();
    desk.fails(INVALID_CLIENT);
    later(desk);
    desk.fails(INVALID_GRANT);
    expect(desk.told()).toEqual([
      'raise refresh-failed client-refused',
      'resolve refresh-failed client-refused',
      'raise consent-required subject:user-1',
    ]);
  });

  test('a token that arrives during the pause does not end it', () => {
    const desk = wanting();
    const sent = desk.send();
    desk.fold(sent, { of: 'refresh', failure: INVALID_CLIENT });
    desk.setGrant({ attempt: sent.attempt });
    desk.set({ held: { ...desk.situation.held, answer: desk.situation.held.refresh } });
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(pause(desk)?.why).toBe('client-refused');
  });
});

describe('what the request holds is refused', () => {
  const REFUSED = failure('invalid_request', 'permanent');

  test('is told once, tried again at leisure, and ended by a good answer', () => {
    const desk = wanting();
    for (let round = 0; round < 14; round += 1) {
      desk.fails(REFUSED);
      later(desk);
    }
    expect(desk.grant.state).toBe('active');
    expect((desk.grant.retryAt ?? 0) - desk.now).toBe(0);
    expect(new Set(desk.told())).toEqual(new Set(['raise refresh-failed rejected-request']));
    expect(desk.told().length).toBeLessThan(14);
    desk.succeeds(tokens(2));
    expect(desk.told().at(-1)).toBe('resolve refresh-failed rejected-request');
  });

  test('fewer scopes that are not to be had: whoever waits is told, and nothing else happens', () => {
    const desk = new Desk({ lane: 'waiting', wanted: ['nonsense'] });
    const before = desk.grant;
    desk.fails(failure('invalid_scope', 'permanent'));
    expect(desk.grant).toEqual(before);
    expect(desk.told()).toEqual([]);
    desk.set({ wanted: [] });
    expect(desk.plan().do).toBe('wait');
  });
});

test('fewer scopes that are refused leave an earlier presentation open; it is found out with all of them', () => {
  const desk = new Desk({ lane: 'waiting', wanted: ['nonsense'], policy: { refreshGrace: MINUTE } });
  desk.fails(LOST);
  desk.fails(failure('invalid_scope', 'permanent'));
  expect(desk.grant.attempt).toMatchObject({ sent: 1, scope: null });
  expect(desk.plan(), 'not without a pause').toMatchObject({ do: 'wait' });
  later(desk);
  expect(desk.plan()).toMatchObject({ do: 'refresh', attempt: { sent: 2, scope: null } });
});

describe('a grant that always fails', () => {
  test.each([
    ['with no answer', LOST],
    ['with a 503', UNAVAILABLE],
    ['with a 429', failure('rate_limited', 'retryable', 20 * SECOND)],
    ['with the client refused', INVALID_CLIENT],
  ])('%s does not try first after the pause: the others do', (_, why) => {
    const desk = wanting();
    for (let round = 0; round < 12; round += 1) {
      desk.fails(why);
      const until = pause(desk)?.until ?? 0;
      const action = desk.plan();
      if (isPaused(desk.situation.client, desk.now))
        expect(action.do === 'wait' && action.until).toBeGreaterThan(until);
      later(desk);
    }
    expect(pause(desk)).not.toBeNull();
  });

  test('with answers that hold no token neither', () => {
    const desk = wanting();
    const long: ClientPause = { until: desk.now, why: 'unavailable', count: 9 };
    desk.set({ client: { ...desk.situation.client, pause: long } });
    desk.fold(desk.send(), { of: 'refresh', answer: Secret.from('<html>') });
    desk.take({ of: 'take', failure: failure('unusable_answer', 'unknown') });
    const action = desk.plan();
    expect(action.do === 'wait' && action.until).toBeGreaterThan(
      pause(desk)?.until ?? Number.POSITIVE_INFINITY,
    );
  });

  test('is replayed within the grace as if there were no pause', () => {
    const desk = new Desk({ lane: 'waiting', policy: { refreshGrace: MINUTE } });
    desk.now = START + 2 * HOUR;
    desk.fails(LOST);
    const pause: ClientPause = { until: desk.now + HOUR, why: 'unavailable', count: 9 };
    desk.set({ client: { ...desk.situation.client, pause } });
    desk.fails(LOST);
    const action = desk.plan();
    expect(action.do === 'wait' && action.until - desk.now).toBeLessThan(MINUTE);
  });
});

test('a grant near its end goes before others after a pause, however it was claimed', () => {
  const desk = new Desk({ lane: 'hot', grant: { usedAt: START + 80 * DAY } });
  desk.now = START + 80 * DAY;
  const until = desk.now + HOUR;
  desk.set({ client: { ...desk.situation.client, pause: { until, why: 'client-refused', count: 1 } } });
  expect(desk.plan()).toEqual({ do: 'wait', until, lane: 'lapsing' });
  desk.set({ lane: 'waiting' });
  expect(desk.plan()).toEqual({ do: 'wait', until, lane: 'waiting' });
});
