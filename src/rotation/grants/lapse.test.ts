import { describe, expect, test } from 'vitest';
import type { Grant } from '../../model/index.ts';
import { DAY } from '../../model/index.ts';
import { type Lapsing, lapseAlerts, lapsesAt } from './lapse.ts';
import { blankClient } from './pauses.ts';
import { compareScopes, scopeAlerts, tellingGrants } from './scopes.ts';
import { aGrant, POLICY, START } from './testing/desk.ts';

const NOW = START + 100 * DAY;
const CLIENT = blankClient(POLICY.client);

/** One that ends so many days from now, by what is assumed. */
const ending = (days: number, over: Partial<Grant> = {}) =>
  aGrant({ subject: `user-${days}`, consentedAt: NOW + (days - 90) * DAY, ...over });
const lapsing = (...first: readonly Grant[]): Lapsing => ({ count: first.length, first });

function told(grants: Lapsing, client = CLIENT, policy = POLICY) {
  return lapseAlerts(policy, client, grants, NOW).map(({ type, condition }) => `${type} ${condition}`);
}

describe('refresh tokens near their end', () => {
  test('are told at 14 days, 7 and 1, each grant in the last stage that it reached', () => {
    expect(told(lapsing())).toEqual(['resolve lapse:1d', 'resolve lapse:7d', 'resolve lapse:14d']);
    expect(told(lapsing(ending(15)))).not.toContain('raise lapse:14d');
    expect(told(lapsing(ending(14)))).toEqual(['resolve lapse:1d', 'resolve lapse:7d', 'raise lapse:14d']);
    expect(told(lapsing(ending(7)))).toEqual(['resolve lapse:1d', 'raise lapse:7d', 'resolve lapse:14d']);
    expect(told(lapsing(ending(1), ending(10)))).toEqual([
      'raise lapse:1d',
      'resolve lapse:7d',
      'raise lapse:14d',
    ]);
    expect(told(lapsing(ending(-3)))[0]).toBe('raise lapse:1d');
  });

  test('say how many, who first, until when and what to do', () => {
    const [signal] = lapseAlerts(POLICY, CLIENT, lapsing(ending(0.5), ending(1)), NOW);
    expect(signal).toMatchObject({
      credential: 'footage-app',
      severity: 'warning',
      title: '2 grants of footage-app end within 1d',
      action: expect.stringContaining('keywarden login footage-app --subject user-0.5'),
      deadline: NOW + DAY / 2,
    });
  });

  test('of which not all were read end no stage, and are at least so many', () => {
    const signals = lapseAlerts(POLICY, CLIENT, { count: 5000, first: [ending(10)] }, NOW);
    expect(signals).toMatchObject([{ condition: 'lapse:14d', title: expect.stringMatching(/^at least 1 /) }]);
  });

  test('are none where a refresh gives a new life, nor where the user is needed anyway', () => {
    const slides = { ...CLIENT, slides: true };
    expect(told(lapsing(ending(5, { accessSentAt: NOW - DAY })), slides)).not.toContain('raise lapse:7d');
    expect(told(lapsing(ending(5, { state: 'consent-required' })))).not.toContain('raise lapse:7d');
  });

  test('end when the provider says', () => {
    expect(lapsesAt(ending(5, { refreshExpiresAt: NOW }), POLICY, { ...CLIENT, slides: true })).toBe(NOW);
  });

  test('that live for nine days are told at 14, 7 and 1 tenths of a day', () => {
    const policy = { ...POLICY, refreshLifetime: 9 * DAY };
    const grant = aGrant({ consentedAt: NOW - 9 * DAY + 1.3 * DAY });
    expect(told(lapsing(grant), CLIENT, policy)[2]).toBe('raise lapse:14d');
    expect(told(lapsing({ ...grant, consentedAt: NOW - 7 * DAY }), CLIENT, policy)[2]).toBe(
      'resolve lapse:14d',
    );
  });
});

describe('scopes', () => {
  const lines = (signals: ReturnType<typeof scopeAlerts>) =>
    signals.map(({ type, kind, condition }) => `${type} ${kind} ${condition}`);
  const asked = aGrant();
  const other = aGrant({ scopes: ['asset:download', 'account:delete'] });

  test('are compared as sets', () => {
    expect(compareScopes(['b', 'a', 'c'], ['a', 'd'])).toEqual({ excess: ['b', 'c'], missing: ['d'] });
  });

  test('that are more or fewer than asked for are told while they are, and then ended', () => {
    const signals = scopeAlerts(POLICY, { grants: [asked, other], all: true, usage: null }, NOW);
    expect(lines(signals)).toEqual(['raise scope-excess granted', 'raise refresh-failed scope']);
    expect(signals).toMatchObject([
      { title: expect.stringContaining('account:delete') },
      { title: expect.stringContaining('license:purchase') },
    ]);
    expect(lines(scopeAlerts(POLICY, { grants: [asked], all: true, usage: null }, NOW))).toEqual([
      'resolve scope-excess granted',
      'resolve refresh-failed scope',
    ]);
  });

  test('are not said to be right where not all grants were seen', () => {
    expect(scopeAlerts(POLICY, { grants: [asked], all: false, usage: null }, NOW)).toEqual([]);
  });

  test('are told page by page as all at once, by few of the grants', () => {
    const grants = Array.from({ length: 1_000 }, (_, index) =>
      index === 7 || index > 900 ? { ...other, subject: `user-${index}` } : asked,
    );
    let telling: ReturnType<typeof tellingGrants> = [];
    for (let from = 0; from < grants.length; from += 10) {
      telling = tellingGrants(POLICY, [...telling, ...grants.slice(from, from + 10)]);
    }
    expect(telling).toEqual([{ subject: 'user-7', scopes: other.scopes }]);
    expect(scopeAlerts(POLICY, { grants: telling, all: true, usage: null }, NOW)).toEqual(
      scopeAlerts(POLICY, { grants, all: true, usage: null }, NOW),
    );
  });

  test('that are another with each grant are not kept without an end', () => {
    const grants = Array.from({ length: 1_000 }, (_, index) => aGrant({ scopes: [`item:${index}`] }));
    expect(tellingGrants(POLICY, grants)).toHaveLength(100);
  });

  test('that the log shows unused for 60 days are told', () => {
    const usage = (days: number, from = START) => ({
      from,
      lastUsed: new Map([
        ['asset:download', NOW],
        ['license:purchase', NOW - days * DAY],
      ]),
    });
    const seen = (days: number, from?: number) =>
      lines(scopeAlerts(POLICY, { grants: [], all: false, usage: usage(days, from) }, NOW));
    expect(seen(59)).toEqual(['resolve scope-excess unused']);
    expect(seen(60)).toEqual(['raise scope-excess unused']);
    expect(seen(60, NOW - 10 * DAY), 'the log is too short').toEqual(['resolve scope-excess unused']);
  });
});
