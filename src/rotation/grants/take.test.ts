import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, Secret } from '../../model/index.ts';
import { Desk, failure, START, tokens } from './testing/desk.ts';

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

  test('leave the main token refused where it was refused', () => {
    const desk = wanting(['asset:download']);
    const sent = desk.send();
    desk.setGrant({ rejectedGeneration: 1 });
    desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') });
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(desk.grant).toMatchObject({ generation: 2, rejectedGeneration: 2 });
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
