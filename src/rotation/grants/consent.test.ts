import { describe, expect, test } from 'vitest';
import type { HeldGrant } from '../../model/index.ts';
import { DAY, HOUR, MINUTE, Secret } from '../../model/index.ts';
import { foldIntrospected } from './asked.ts';
import { foldConsent, takeOver } from './consent.ts';
import { foldGrant } from './fold.ts';
import { forgetGrant } from './forget.ts';
import { type GrantFolded, NO_REVOCATION } from './situation.ts';
import { Desk, failure, heldGrant, LOST, POLICY, START, tokens, UNAVAILABLE } from './testing/desk.ts';

const NOW = START + DAY;
const SENT = NOW - 1000;

function consented(known: HeldGrant | null, over = {}) {
  const { scopes } = POLICY;
  return foldConsent(
    { policy: POLICY, subject: 'user-1', known, tokens: tokens(9, over), scopes, sentAt: SENT, actor: 'web' },
    NOW,
  );
}

function grantIn(folded: GrantFolded | { readonly failure: unknown } | null) {
  if (folded === null || 'failure' in folded) throw new TypeError('expected changes');
  const put = folded.changes.find((change) => change.type === 'grant.put');
  if (put === undefined) throw new TypeError('expected a grant');
  return { ...put.grant, refresh: put.tokens?.refresh.reveal(), due: put.due };
}

const told = (folded: GrantFolded | { readonly failure: unknown } | null) =>
  folded === null || 'failure' in folded
    ? []
    : folded.signals.map(({ type, kind, condition }) => `${type} ${kind} ${condition}`);
const audited = ({ changes }: GrantFolded) =>
  changes.flatMap((change) => (change.type === 'audit.append' ? [change.entry] : []));

describe('a consent', () => {
  test('makes a grant of what was granted', () => {
    const folded = consented(null, { scopes: ['asset:download'] });
    expect(grantIn(folded)).toMatchObject({
      state: 'active',
      generation: 1,
      scopes: ['asset:download'],
      consentedAt: SENT,
      accessExpiresAt: SENT + HOUR,
      refresh: 'refresh-9',
      due: { at: NOW },
    });
    expect('changes' in folded && folded.changes[0]).toMatchObject({ type: 'grant.expect', revision: null });
    expect('changes' in folded && audited(folded)).toMatchObject([
      { action: 'grant.consented', actor: 'web' },
    ]);
    expect(told(folded)).toEqual(['raise refresh-failed scope']);
  });

  test('without a word on scopes gives what was asked for', () => {
    expect(grantIn(consented(null)).scopes).toEqual(POLICY.scopes);
  });

  test('brings a dead grant back: its alert ends, its number rises, no old answer or attempt is left', () => {
    const dead: HeldGrant = {
      ...heldGrant({ state: 'consent-required', reason: 'refused', generation: 7, lastError: LOST }),
      answer: Secret.from('raw'),
    };
    const folded = consented(dead);
    expect(grantIn(folded)).toMatchObject({
      state: 'active',
      reason: null,
      generation: 8,
      lastError: null,
      attempt: null,
    });
    expect(told(folded)).toEqual(['resolve consent-required subject:user-1']);
    expect('changes' in folded && folded.changes.slice(0, 2)).toMatchObject([
      { type: 'grant.expect', revision: 1 },
      { type: 'grant.answer', answer: null },
    ]);
  });

  test('without a refresh token goes on with a live one, and is of no use without', () => {
    expect(grantIn(consented(heldGrant(), { refresh: null })).refresh).toBe('refresh-1');
    expect(consented(null, { refresh: null })).toMatchObject({ failure: { code: 'no_refresh_token' } });
    const dead = heldGrant({ state: 'consent-required' });
    expect(consented(dead, { refresh: null })).toMatchObject({ failure: { code: 'no_refresh_token' } });
  });
});

describe('a consent beside a refresh that is under way', () => {
  /** The token is presented, and its answer sealed where it came already. */
  function refreshing(answered: boolean) {
    const desk = new Desk({ lane: 'waiting', grant: { refreshExpiresAt: START + 90 * DAY } });
    desk.now = START + 2 * HOUR;
    const sent = desk.send();
    if (answered) desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') });
    return { desk, sent };
  }
  function consents(desk: Desk, over = {}): void {
    const folded = consented(desk.situation.held, over);
    if ('failure' in folded) throw new TypeError('expected changes');
    desk.apply(folded);
  }

  test('is not overwritten by its answer: not by one that was sealed before, nor by one that was read so', () => {
    const { desk } = refreshing(true);
    const { held } = desk.situation;
    consents(desk);
    expect(desk.situation.held.answer).toBeNull();
    desk.set({ held: { ...desk.situation.held, answer: held.answer } });
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(desk.situation.held).toMatchObject({ answer: null, grant: { generation: 2 } });
    expect(desk.situation.held.refresh.reveal()).toBe('refresh-9');
  });

  test('is decided anew where that was read before the answer was sealed', () => {
    const { desk, sent } = refreshing(false);
    const { revision } = desk.situation.held;
    desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') });
    expect(desk.situation.held.revision).toBe(revision + 1);
  });

  test('that brings no refresh token leaves the old one with its age, its end and its refresh', () => {
    const { desk, sent } = refreshing(false);
    const before = desk.grant;
    consents(desk, { refresh: null });
    const { consentedAt, renewedAt, refreshExpiresAt } = before;
    expect(desk.grant).toMatchObject({ attempt: sent.attempt, consentedAt, renewedAt, refreshExpiresAt });
    expect(desk.situation.held.access?.reveal()).toBe('access-9');
    const answered = foldGrant(desk.situation, sent, { of: 'refresh', answer: Secret.from('raw') }, NOW);
    expect(answered.changes).toContainEqual(expect.objectContaining({ type: 'grant.answer' }));
    desk.apply(answered);
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(desk.situation.held.refresh.reveal()).toBe('refresh-2');
  });

  test('that brings no refresh token takes no answer away, but one without a token', () => {
    const { desk } = refreshing(true);
    consents(desk, { refresh: null });
    expect(desk.plan()).toEqual({ do: 'take' });
    const other = refreshing(true).desk;
    other.take({ of: 'take', failure: failure('unusable_answer', 'unknown') });
    consents(other, { refresh: null });
    expect(other.situation.held.answer).toBeNull();
    expect(other.grant.attempt).not.toBeNull();
  });
});

test('tokens with fewer scopes are not handed out after a new consent, nor to one who moved in or left', () => {
  const dead = heldGrant({ state: 'consent-required' });
  const again = consented(dead);
  const moved = takeOver(
    {
      policy: POLICY,
      subject: 'user-1',
      refreshToken: Secret.from('new'),
      scopes: null,
      known: dead,
      actor: 'admin',
    },
    NOW,
  );
  const left = forgetGrant(heldGrant(), 'web', NOW);
  for (const folded of [again, moved, left]) {
    expect(folded !== null && 'changes' in folded && folded.changes).toContainEqual({
      type: 'narrow.clear',
      client: POLICY.client,
      subject: 'user-1',
    });
  }
});

test('a consent whose answer has faults loses no token, and the grant shows them', () => {
  const folded = consented(null, { faults: ['token_type is missing'], expiresIn: null });
  expect(grantIn(folded)).toMatchObject({
    refresh: 'refresh-9',
    accessExpiresAt: SENT + 10 * MINUTE,
    lastError: { message: expect.stringContaining('token_type is missing') },
  });
});

describe('a grant that moves in', () => {
  const moving = (known: HeldGrant | null, token = 'refresh-old') =>
    takeOver(
      {
        policy: POLICY,
        subject: 'user-1',
        refreshToken: Secret.from(token),
        scopes: null,
        known,
        actor: 'admin',
      },
      NOW,
    );

  test('is tested at its first refresh', () => {
    const folded = moving(null);
    expect(grantIn(folded)).toMatchObject({
      generation: 0,
      scopes: POLICY.scopes,
      due: { at: NOW, lane: 'idle' },
    });
    expect(folded && audited(folded)).toMatchObject([{ action: 'grant.taken-over', actor: 'admin' }]);
  });

  test('puts no token back that was refreshed since, and no user who has disconnected', () => {
    expect(moving(heldGrant({ generation: 3 }))).toBeNull();
    expect(moving(heldGrant({ state: 'forgotten' }))).toBeNull();
    expect(moving(heldGrant({ state: 'consent-required' }), 'refresh-1')).toBeNull();
  });

  test('takes the place of a dead one', () => {
    const folded = moving(heldGrant({ state: 'consent-required' }));
    expect(grantIn(folded).refresh).toBe('refresh-old');
    expect(told(folded)).toEqual(['resolve consent-required subject:user-1']);
  });
});

/** The user has disconnected. */
function forgotten(): Desk {
  const desk = new Desk({ grant: { state: 'consent-required' } });
  desk.apply(forgetGrant(desk.situation.held, 'web', desk.now));
  return desk;
}

describe('a grant that is forgotten', () => {
  test('is gone at once, with its access token and its alert', () => {
    const desk = forgotten();
    expect(desk.grant).toMatchObject({ state: 'forgotten', accessExpiresAt: null });
    expect(desk.situation.held.access).toBeNull();
    expect(desk.told()).toEqual(['resolve consent-required subject:user-1']);
    expect(desk.written).toEqual(['grant.expect', 'grant.put', 'narrow.clear', 'grant.forgotten']);
    expect(desk.plan()).toEqual({ do: 'revoke' });
  });

  test('is revoked until that is done, and then deleted', () => {
    const desk = forgotten();
    for (const why of [UNAVAILABLE, LOST, failure('invalid_request', 'permanent')]) {
      desk.fold(desk.plan(), { of: 'revoke', failure: why });
      const action = desk.plan();
      expect(action.do).toBe('wait');
      desk.now = action.do === 'wait' ? action.until : 0;
    }
    const { changes } = desk.fold(desk.plan(), { of: 'revoke', failure: null });
    expect(changes.map(({ type }) => type)).toEqual(['grant.expect', 'grant.delete', 'audit.append']);
    expect(audited({ changes, signals: [] })).toMatchObject([
      { action: 'grant.revoked', detail: { subject: 'user-1', revoked: true } },
    ]);
  });

  test('is deleted at once where the provider has no endpoint, which is said', () => {
    const desk = forgotten();
    const folded = desk.fold(desk.plan(), { of: 'revoke', failure: failure(NO_REVOCATION, 'permanent') });
    expect(audited(folded)).toMatchObject([{ detail: { revoked: false } }]);
    expect(folded.changes.map(({ type }) => type)).toContain('grant.delete');
  });

  test('is deleted once its refresh token has ended by itself', () => {
    const desk = forgotten();
    desk.now = START + 90 * DAY;
    const folded = desk.fold({ do: 'revoke' }, { of: 'revoke', failure: LOST });
    expect(folded.changes.map(({ type }) => type)).toContain('grant.delete');
  });

  test('waits where the client is paused', () => {
    const desk = forgotten();
    desk.fold(desk.plan(), { of: 'revoke', failure: failure('rate_limited', 'retryable', HOUR) });
    desk.setGrant({ retryAt: null });
    expect(desk.plan()).toMatchObject({ do: 'wait', until: desk.now + HOUR });
  });

  test('that always fails does not try first after a pause', () => {
    const desk = forgotten();
    const until = desk.now;
    desk.set({ client: { ...desk.situation.client, pause: { until, why: 'unavailable', count: 9 } } });
    desk.fold(desk.plan(), { of: 'revoke', failure: UNAVAILABLE });
    const action = desk.plan();
    const pause = desk.situation.client.pause?.until ?? Number.POSITIVE_INFINITY;
    expect(action.do === 'wait' && action.until).toBeGreaterThan(pause);
  });

  test('while its refresh is under way: the new token is taken in, and it is that which is revoked', () => {
    const desk = new Desk({ lane: 'waiting' });
    desk.now = START + 2 * HOUR;
    const sent = desk.send();
    desk.apply(forgetGrant(desk.situation.held, 'web', desk.now));
    desk.fold(sent, { of: 'refresh', answer: Secret.from('raw') });
    desk.take({ of: 'take', tokens: tokens(2) });
    expect(desk.situation.held.refresh.reveal()).toBe('refresh-2');
    expect(desk.grant.state).toBe('forgotten');
    expect(desk.plan()).toEqual({ do: 'revoke' });
  });

  test('while its refresh is under way, and its answer holds no token: nobody is told', () => {
    const desk = new Desk({ lane: 'waiting' });
    desk.now = START + 2 * HOUR;
    const sent = desk.send();
    desk.apply(forgetGrant(desk.situation.held, 'web', desk.now));
    desk.fold(sent, { of: 'refresh', answer: Secret.from('<html>') });
    desk.take({ of: 'take', failure: failure('unusable_answer', 'unknown') });
    expect(desk.situation.held.answer).toBeNull();
    expect(desk.told()).toEqual(['resolve consent-required subject:user-1']);
  });

  test('while its refresh is under way, and that is refused: nobody is told', () => {
    const desk = new Desk({ lane: 'waiting' });
    desk.now = START + 2 * HOUR;
    const sent = desk.send();
    desk.apply(forgetGrant(desk.situation.held, 'web', desk.now));
    desk.fold(sent, { of: 'refresh', failure: failure('invalid_grant', 'rejected') });
    expect(desk.grant.state).toBe('forgotten');
    expect(desk.told()).toEqual(['resolve consent-required subject:user-1']);
  });
});

test.each([
  [90 * DAY, false],
  [90 * DAY + 40 * MINUTE, true],
])('introspection tells the end, and after a refresh whether it slides', (life, slides) => {
  const desk = new Desk({ lane: 'waiting', grant: { rejectedGeneration: 1 } });
  desk.apply(foldIntrospected(desk.situation, START + 90 * DAY));
  expect(desk.situation.client.slides).toBeNull();
  desk.now = START + 40 * MINUTE;
  desk.succeeds(tokens(2));
  desk.apply(foldIntrospected(desk.situation, START + life));
  expect(desk.grant.refreshExpiresAt).toBe(START + life);
  expect(desk.situation.client.slides).toBe(slides);
});
