import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND, Secret } from '../../model/index.ts';
import {
  Desk,
  failure,
  INVALID_CLIENT,
  INVALID_GRANT,
  LOST,
  NOT_SENT,
  START,
  tokens,
} from './testing/desk.ts';

const NOTHING = { changes: [], signals: [] };
const GRACE = { refreshGrace: 30 * SECOND };

/** Refreshed while it still has ten minutes to live. */
function early(policy = {}): Desk {
  const desk = new Desk({ policy, grant: { usedAt: START + 40 * MINUTE } });
  desk.now = START + 50 * MINUTE;
  return desk;
}

describe('with a grace period', () => {
  test('a lost answer is replayed at once with the same token', () => {
    const desk = early(GRACE);
    const first = desk.send();
    desk.now += SECOND;
    desk.fold(first, { of: 'refresh', failure: LOST });
    expect(desk.plan()).toEqual({ do: 'refresh', attempt: { ...first.attempt, sent: 2 } });
  });

  test('an attempt that is found open after a crash, too', () => {
    const desk = early(GRACE);
    const { attempt } = desk.send();
    desk.now += 29 * SECOND;
    expect(desk.plan()).toEqual({ do: 'refresh', attempt: { ...attempt, sent: 2 } });
  });

  test('further replays come more and more seldom, before everything else', () => {
    const desk = early(GRACE);
    desk.fails(LOST);
    desk.fails(LOST);
    const action = desk.plan();
    expect(action).toMatchObject({ do: 'wait', lane: 'waiting' });
    expect(action.do === 'wait' && action.until - desk.now).toBeGreaterThan(SECOND);
  });

  test.each([
    ['lost', LOST],
    ['not served', NOT_SENT],
  ])('a replay that is %s has another in time, however often the grant had failed before', (_, fault) => {
    const desk = early(GRACE);
    desk.setGrant({ attempts: 12 });
    desk.fails(LOST);
    desk.now += 10 * SECOND;
    desk.fails(fault);
    const action = desk.plan();
    expect(action.do === 'wait' && action.until - desk.now).toBeLessThanOrEqual(7 * SECOND);
  });

  test('many are not replayed at one moment', () => {
    const replayAt = (spread: number) => {
      const desk = early(GRACE);
      desk.setGrant({ attempts: 12 });
      desk.fails(LOST);
      desk.set({ spread });
      desk.fails(LOST);
      return desk.grant.retryAt ?? 0;
    };
    expect(replayAt(0) - replayAt(0.9)).toBeGreaterThan(4 * SECOND);
  });

  test('whose replay could not be sent is not replayed without a pause', () => {
    const desk = early(GRACE);
    desk.fails(LOST);
    desk.fails(NOT_SENT);
    expect(desk.plan()).toMatchObject({ do: 'wait' });
    expect(desk.grant.attempt?.sent).toBe(1);
  });

  test('the answer to a replay counts from when the token was first presented', () => {
    const desk = early(GRACE);
    desk.fails(LOST);
    desk.now += 10 * SECOND;
    desk.succeeds(tokens(2));
    expect(desk.grant).toMatchObject({ generation: 2, attempt: null, accessSentAt: START + 50 * MINUTE });
  });

  test('after it, all is as without one', () => {
    const desk = early(GRACE);
    desk.send();
    desk.now += 30 * SECOND;
    expect(desk.plan()).toMatchObject({ do: 'wait', until: START + 59 * MINUTE });
  });

  test('a replay passes a breaker, and not a refusal of the client', () => {
    const desk = early(GRACE);
    desk.send();
    const until = desk.now + HOUR;
    const { client } = desk.situation;
    desk.set({ client: { ...client, pause: { until, why: 'unavailable', count: 1 } } });
    expect(desk.plan().do).toBe('refresh');
    desk.set({ client: { ...client, pause: { until, why: 'client-refused', count: 1 } } });
    expect(desk.plan()).toMatchObject({ do: 'wait', until });
  });
});

describe('without a grace period', () => {
  test('the live access token is served until near its end; then the token is presented once more', () => {
    const desk = early();
    desk.fails(LOST);
    expect(desk.plan()).toEqual({ do: 'wait', until: START + 59 * MINUTE, lane: 'hot' });
    desk.now = START + 59 * MINUTE;
    expect(desk.plan()).toMatchObject({ do: 'refresh', attempt: { sent: 2, sentAt: desk.now } });
  });

  test('an attempt that is found open after a crash is not free', () => {
    const desk = early();
    desk.send();
    expect(desk.plan()).toMatchObject({ do: 'wait', until: START + 59 * MINUTE });
  });

  test('the probe that succeeds is a refresh like any other, its token counted from the probe', () => {
    const desk = early();
    desk.fails(LOST);
    desk.now = START + 59 * MINUTE;
    desk.succeeds(tokens(2));
    expect(desk.grant).toMatchObject({ state: 'active', generation: 2, accessSentAt: START + 59 * MINUTE });
    expect(desk.situation.held.refresh.equals(Secret.from('refresh-2'))).toBe(true);
  });

  test('the probe that is refused: the user is needed, for the answer was lost', () => {
    const desk = early();
    desk.fails(LOST);
    desk.now = START + 59 * MINUTE;
    desk.fails(INVALID_GRANT);
    expect(desk.grant.state).toBe('consent-required');
    expect(desk.grant.reason).toMatch(/^answer lost/);
    expect(desk.told()).toEqual(['raise consent-required subject:user-1']);
  });

  test('a probe of which nothing is known is repeated, more and more seldom', () => {
    const desk = early();
    desk.fails(LOST);
    desk.now = START + 59 * MINUTE;
    desk.fails(LOST);
    const first = desk.plan();
    desk.now = first.do === 'wait' ? first.until : 0;
    desk.set({ client: { ...desk.situation.client, failures: 0 } });
    desk.fails(LOST);
    const second = desk.plan();
    expect(second.do === 'wait' && second.until - desk.now).toBeGreaterThan(2 * SECOND);
    expect(desk.grant).toMatchObject({ state: 'active', attempt: { sent: 3 } });
  });

  test('a probe that was not sent or not processed leaves it as open as it was', () => {
    for (const why of [NOT_SENT, INVALID_CLIENT]) {
      const desk = early();
      desk.fails(LOST);
      desk.now = START + 59 * MINUTE;
      desk.fails(why);
      expect(desk.grant).toMatchObject({ state: 'active', attempt: { sent: 1 } });
    }
  });

  test('the probe does not wait where the provider refuses the live token', () => {
    const desk = early();
    desk.fails(LOST);
    desk.now += MINUTE;
    desk.setGrant({ rejectedGeneration: 1 });
    expect(desk.plan().do).toBe('refresh');
  });

  test('one that can no longer be found out is given up when its refresh token has ended', () => {
    const desk = early();
    desk.fails(LOST);
    desk.now = START + 90 * DAY;
    desk.fails(LOST);
    const action = desk.plan();
    expect(action.do).toBe('give-up');
    desk.fold(action, { of: 'step' });
    expect(desk.grant.state).toBe('consent-required');
    expect(desk.told()).toContain('raise consent-required subject:user-1');
  });
});

test('an answer without any token tells nothing: it stays sealed, the attempt stays open, the fault is told', () => {
  const desk = early();
  desk.fold(desk.send(), { of: 'refresh', answer: Secret.from('<html>') });
  desk.take({ of: 'take', failure: failure('unusable_answer', 'unknown') });
  expect(desk.situation.held.answer?.equals(Secret.from('<html>'))).toBe(true);
  expect(desk.grant).toMatchObject({ generation: 1, attempt: { sent: 1 } });
  expect(desk.told()).toEqual(['raise refresh-failed malformed']);
  expect(desk.plan()).toMatchObject({ do: 'wait', until: START + 59 * MINUTE });
  desk.now = START + 59 * MINUTE;
  const probe = desk.send();
  expect(desk.situation.held.answer).toBeNull();
  desk.fold(probe, { of: 'refresh', answer: Secret.from('raw') });
  desk.take({ of: 'take', tokens: tokens(2) });
  expect(desk.grant).toMatchObject({ generation: 2, attempt: null });
});

test('an answer without any token ends a pause for a refused client: it is replayed within the grace', () => {
  const desk = early(GRACE);
  desk.fails(INVALID_CLIENT);
  desk.now += 2 * MINUTE;
  desk.fold(desk.send(), { of: 'refresh', answer: Secret.from('<html>') });
  desk.take({ of: 'take', failure: failure('unusable_answer', 'unknown') });
  expect(desk.plan()).toMatchObject({ do: 'refresh', attempt: { sent: 2 } });
  expect(desk.told()).toContain('resolve refresh-failed client-refused');
});

test('after a crash the answer that was sealed is taken in, without a request', () => {
  const desk = early();
  desk.fold(desk.send(), { of: 'refresh', answer: Secret.from('raw') });
  expect(desk.written).toEqual(['grant.expect', 'grant.put', 'grant.expect', 'grant.answer']);
  desk.now += DAY;
  expect(desk.plan()).toEqual({ do: 'take' });
});

test('what came of a token that was replaced meanwhile is nobody’s', () => {
  const desk = early();
  const sent = desk.send();
  for (const attempt of [null, { ...sent.attempt, fingerprint: 'fp:other' }]) {
    desk.setGrant({ generation: 2, attempt });
    expect(desk.fold(sent, { of: 'refresh', failure: INVALID_GRANT })).toEqual(NOTHING);
    expect(desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') })).toEqual(NOTHING);
  }
});

test('what was begun for a grant that the user has consented to anew meanwhile harms it not', () => {
  const desk = early();
  expect(desk.fold({ do: 'take' }, { of: 'take', tokens: tokens(2) })).toEqual(NOTHING);
  expect(desk.fold({ do: 'revoke' }, { of: 'revoke', failure: null })).toEqual(NOTHING);
  expect(desk.fold({ do: 'give-up', reason: 'old' }, { of: 'step' })).toEqual(NOTHING);
});
