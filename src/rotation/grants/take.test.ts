import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND, Secret } from '../../model/index.ts';
import { rejectToken } from './asked.ts';
import { forgetGrant } from './forget.ts';
import { Desk, failure, LOST, START, tokens } from './testing/desk.ts';

function wanting(wanted: readonly string[] = []): Desk {
  const desk = new Desk({ lane: 'waiting', wanted });
  if (wanted.length === 0) desk.now = START + 2 * HOUR;
  return desk;
}

const refreshOf = (desk: Desk) => desk.situation.held.refresh.reveal();
const accessOf = (desk: Desk) => desk.situation.held.access?.reveal();

describe('a good answer', () => {
  test('is the next generation, by one commit under the grant’s revision', () => {
    const desk = wanting();
    desk.fails(failure('unavailable', 'retryable'));
    desk.now += MINUTE;
    const { changes } = desk.succeeds(tokens(2));
    expect(changes.map(({ type }) => type)).toEqual([
      'grant.expect',
      'grant.put',
      'grant.answer',
      'client.expect',
      'client.put',
    ]);
    expect([refreshOf(desk), accessOf(desk)]).toEqual(['refresh-2', 'access-2']);
    expect(desk.grant).toMatchObject({
      generation: 2,
      attempt: null,
      attempts: 0,
      retryAt: null,
      lastError: null,
      renewedAt: desk.now,
      accessSentAt: desk.now,
      accessExpiresAt: desk.now + HOUR,
    });
  });

  test('writes nothing of the client where there is nothing new', () => {
    const desk = wanting();
    const { changes } = desk.succeeds(tokens(2));
    expect(changes.map(({ type }) => type)).toEqual(['grant.expect', 'grant.put', 'grant.answer']);
  });

  test('counts from when it was asked for, not from when it is taken in', () => {
    const desk = wanting();
    const sentAt = desk.now;
    desk.fold(desk.send(), { of: 'refresh', answer: Secret.from('raw') });
    desk.now += 20 * MINUTE;
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(desk.grant.accessExpiresAt).toBe(sentAt + HOUR);
  });

  test('counts from no later than now, where the attempt was dated by a clock that was ahead', () => {
    const desk = wanting();
    desk.fold(desk.send(), { of: 'refresh', answer: Secret.from('raw') });
    desk.now -= DAY;
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(desk.grant.accessExpiresAt).toBe(desk.now + HOUR);
  });

  test('counts, after a replay that was dated so, from the begin of the grace at the latest', () => {
    const desk = new Desk({ lane: 'waiting', policy: { refreshGrace: MINUTE } });
    desk.now = START + 2 * HOUR;
    desk.fails(LOST);
    desk.fold(desk.send(), { of: 'refresh', answer: Secret.from('raw') });
    desk.now -= DAY;
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(desk.grant.accessExpiresAt).toBe(desk.now - MINUTE + HOUR);
  });

  test('without a refresh token keeps the old one', () => {
    const desk = wanting();
    desk.succeeds(tokens(2, { refresh: null }));
    expect([refreshOf(desk), accessOf(desk)]).toEqual(['refresh-1', 'access-2']);
    expect(desk.grant.renewedAt).toBe(START);
  });
});

test('the end that the provider gave is that of the refresh token that it spoke of', () => {
  const desk = new Desk({ lane: 'waiting', grant: { refreshExpiresAt: START + 90 * DAY } });
  desk.now = START + 2 * HOUR;
  desk.succeeds(tokens(2, { refresh: null }));
  expect(desk.grant.refreshExpiresAt).toBe(START + 90 * DAY);
  desk.now += 2 * HOUR;
  desk.succeeds(tokens(3));
  expect(desk.grant.refreshExpiresAt).toBeNull();
});

describe('an answer with faults', () => {
  const faulty = { faults: ['expires_in is no number'], expiresIn: null };

  test('loses no token, and the fault is told and ended by a good one', () => {
    const desk = wanting();
    desk.succeeds(tokens(2, faulty));
    expect([refreshOf(desk), accessOf(desk)]).toEqual(['refresh-2', 'access-2']);
    expect(desk.grant).toMatchObject({ generation: 2, lastError: { code: 'malformed_answer' } });
    expect(desk.signals[0]).toMatchObject({ summary: expect.stringContaining('expires_in is no number') });
    desk.now += HOUR;
    desk.succeeds(tokens(3));
    expect(desk.told()).toEqual(['raise refresh-failed malformed', 'resolve refresh-failed malformed']);
    expect(desk.situation.client.faults).toEqual({});
  });

  test('lives as long as the one before', () => {
    const desk = wanting();
    desk.succeeds(tokens(2, faulty));
    expect(desk.grant.accessExpiresAt).toBe(desk.now + HOUR);
    const fresh = new Desk({ grant: { generation: 0, accessExpiresAt: null, accessSentAt: null } });
    fresh.succeeds(tokens(2, faulty));
    expect(fresh.grant.accessExpiresAt).toBe(fresh.now + 10 * MINUTE);
  });

  test('of many grants is one alert, and does not come and go', () => {
    const desk = wanting();
    for (let round = 0; round < 60; round += 1) {
      desk.setGrant({ accessSentAt: desk.now - HOUR, accessExpiresAt: desk.now });
      desk.succeeds(tokens(round, round % 2 === 0 ? faulty : {}));
      desk.now += MINUTE;
    }
    expect(desk.told().filter((line) => line.startsWith('resolve'))).toEqual([]);
    expect(desk.told().length).toBeLessThan(8);
  });

  test('that holds a refresh token alone: it is kept, and the next refresh is not sent without a pause', () => {
    const desk = wanting();
    desk.succeeds(tokens(2, { access: null, faults: ['no access_token'] }));
    expect([refreshOf(desk), accessOf(desk)]).toEqual(['refresh-2', 'access-1']);
    expect(desk.grant).toMatchObject({ generation: 2, accessExpiresAt: START + HOUR, attempts: 1 });
    expect(desk.plan().do).toBe('wait');
  });
});

describe('a token that will not do when it comes', () => {
  const short = { expiresIn: 4 * SECOND };
  /** Each answer takes longer than its token can be used. */
  function slow(desk: Desk, scopes: readonly string[] | null = null): number {
    const sent = desk.send();
    desk.now += 3.5 * SECOND;
    desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') });
    desk.take({ of: 'take', tokens: tokens(2, { ...short, scopes }) });
    desk.set({ wanted: [] });
    const action = desk.plan();
    return action.do === 'wait' ? action.until - desk.now : 0;
  }

  test.each(['waiting', 'hot', 'idle'] as const)(
    'is not got anew at once, and ever more seldom (%s)',
    (lane) => {
      const desk = new Desk({ lane, grant: { usedAt: START + 2 * HOUR } });
      desk.now = START + 2 * HOUR;
      const rests = [1, 2, 3].map(() => {
        const ms = slow(desk);
        desk.now += ms;
        return ms;
      });
      expect(rests).toEqual([1.25, 2.5, 5].map((seconds) => seconds * SECOND));
      desk.succeeds(tokens(9));
      expect(desk.grant).toMatchObject({ attempts: 0, retryAt: null });
    },
  );

  test('nor is one with fewer scopes', () => {
    const desk = new Desk({ lane: 'waiting', wanted: ['asset:download'] });
    slow(desk, ['asset:download']);
    desk.set({ wanted: ['asset:download'] });
    expect(desk.plan()).toEqual({ do: 'wait', until: desk.now + 1.25 * SECOND, lane: 'waiting' });
  });

  test('of somebody who has left is revoked at once', () => {
    const desk = wanting();
    const sent = desk.send();
    desk.apply(forgetGrant(desk.situation.held, 'web', desk.now));
    desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') });
    desk.now += 3.5 * SECOND;
    desk.take({ of: 'take', tokens: tokens(2, short) });
    expect(desk.plan()).toEqual({ do: 'revoke' });
  });
});

test('an answer is sealed with the time at which its request was sent by a clock that is known since', () => {
  const desk = wanting();
  const sent = desk.send();
  desk.setGrant({ attempt: { ...sent.attempt, sentAt: sent.attempt.sentAt - HOUR } });
  const { changes } = desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') });
  expect(changes).toContainEqual(
    expect.objectContaining({
      type: 'grant.put',
      grant: expect.objectContaining({ attempt: desk.grant.attempt }),
    }),
  );
  expect(changes.map(({ type }) => type)).toEqual(['grant.expect', 'grant.put', 'grant.answer']);
});

test('an attempt that was dated anew, by a clock that is known since, counts as it is now', () => {
  const desk = wanting();
  const sent = desk.send();
  desk.setGrant({ attempt: { ...sent.attempt, sentAt: sent.attempt.sentAt + HOUR } });
  desk.fold(sent, { of: 'refresh', failure: failure('timeout', 'unknown') });
  expect(desk.grant.attempt?.sentAt).toBe(sent.attempt.sentAt + HOUR);
});

describe('fewer scopes', () => {
  test('have an access token of their own; the refresh token is the grant’s', () => {
    const desk = wanting(['asset:download']);
    const before = desk.grant;
    const { changes } = desk.succeeds(tokens(2, { scopes: ['asset:download'] }));
    expect(changes.find(({ type }) => type === 'narrow.put')).toMatchObject({
      token: {
        scope: 'asset:download',
        generation: 2,
        sentAt: desk.now,
        expiresAt: desk.now + HOUR,
        value: Secret.from('access-2'),
      },
    });
    expect([refreshOf(desk), accessOf(desk)]).toEqual(['refresh-2', 'access-1']);
    expect(desk.grant).toEqual({ ...before, generation: 2, renewedAt: desk.now });
    expect(desk.told()).toEqual([]);
  });

  test('leave the access token with its version, by which an application says that it is refused', () => {
    const desk = wanting(['asset:download']);
    desk.succeeds(tokens(2, { scopes: ['asset:download'] }));
    expect(rejectToken(desk.situation.held, 2, desk.now)).toEqual([]);
    expect(rejectToken(desk.situation.held, 1, desk.now)).not.toEqual([]);
  });

  test('of a server that ignores the wish are what it gave, and that is told', () => {
    const desk = wanting(['asset:download']);
    const scopes = ['asset:download', 'license:purchase'];
    const { changes } = desk.succeeds(tokens(2, { scopes }));
    expect(changes.find(({ type }) => type === 'narrow.put')).toMatchObject({
      token: { scope: 'asset:download', scopes },
    });
    expect(desk.told()).toEqual(['raise refresh-failed malformed']);
    expect(desk.grant.lastError?.message).toContain('license:purchase');
  });

  test('leave the main token refused where it was refused', () => {
    const desk = wanting(['asset:download']);
    const sent = desk.send();
    desk.setGrant({ rejectedGeneration: 1 });
    desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') });
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(desk.grant).toMatchObject({ generation: 2, accessGeneration: 1, rejectedGeneration: 1 });
  });
});

test('other scopes than before are told; the same are not', () => {
  const desk = wanting();
  desk.succeeds(tokens(2, { scopes: ['license:purchase', 'asset:download'] }));
  expect(desk.told()).toEqual([]);
  desk.now += 2 * HOUR;
  desk.succeeds(tokens(3, { scopes: ['asset:download', 'account:delete'] }));
  expect(desk.grant.scopes).toEqual(['asset:download', 'account:delete']);
  expect(desk.told()).toEqual(['raise scope-excess granted', 'raise refresh-failed scope']);
  desk.now += 2 * HOUR;
  desk.succeeds(tokens(4, { scopes: ['account:delete', 'asset:download'] }));
  expect(desk.told()).toHaveLength(2);
});
