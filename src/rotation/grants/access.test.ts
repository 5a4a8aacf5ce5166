import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { handOutMargin, needsNarrow, needsRefresh } from './access.ts';
import { rejectToken } from './asked.ts';
import { aGrant, heldGrant, POLICY, START, tokens } from './testing/desk.ts';

const lasting = (life: number) => aGrant({ accessExpiresAt: START + life });

describe('a token that is handed out has some life left', () => {
  test.each([
    [HOUR, 5 * MINUTE, MINUTE],
    [HOUR, 20 * SECOND, 20 * SECOND],
    [40 * SECOND, 5 * MINUTE, 10 * SECOND],
  ])('of a life of %i ms, `before` %i: at least %i', (life, before, margin) => {
    const policy = { ...POLICY, before };
    expect(handOutMargin(lasting(life), policy)).toBe(margin);
    expect(needsRefresh(lasting(life), policy, START + life - margin)).toBe(false);
    expect(needsRefresh(lasting(life), policy, START + life - margin + 1)).toBe(true);
    const narrow = {
      client: '',
      subject: '',
      scope: 'a',
      scopes: ['a'],
      value: tokens(1).access ?? heldGrant().refresh,
      sentAt: START,
      expiresAt: START + life,
      generation: 1,
    };
    expect(needsNarrow(narrow, policy, START + life - margin)).toBe(false);
    expect(needsNarrow(narrow, policy, START + life - margin + 1)).toBe(true);
  });

  test('more where the caller needs more, but never more than a refresh can give', () => {
    expect(needsRefresh(lasting(HOUR), POLICY, START + 31 * MINUTE, 30 * MINUTE)).toBe(true);
    expect(needsRefresh(lasting(HOUR), POLICY, START + 29 * MINUTE, 30 * MINUTE)).toBe(false);
    expect(needsRefresh(lasting(HOUR), POLICY, START + 10 * MINUTE, 5 * HOUR)).toBe(false);
  });

  test('there may be none', () => {
    expect(needsRefresh(aGrant({ accessExpiresAt: null, accessSentAt: null }), POLICY, START)).toBe(true);
    expect(needsNarrow(null, POLICY, START)).toBe(true);
  });
});

describe('a token that the provider refuses', () => {
  test('is refreshed at once, once for each version', () => {
    const held = heldGrant({ generation: 4, accessGeneration: 3 });
    const changes = rejectToken(held, 3, START);
    expect(changes.map(({ type }) => type)).toEqual(['grant.expect', 'grant.put', 'grant.wake']);
    const put = changes.find((change) => change.type === 'grant.put');
    expect(needsRefresh(put?.grant ?? held.grant, POLICY, START)).toBe(true);
    expect(put && rejectToken({ ...held, grant: put.grant }, 3, START)).toEqual([]);
  });

  test('is not, where the version is another by now or the grant is dead', () => {
    expect(rejectToken(heldGrant({ generation: 4, accessGeneration: 4 }), 3, START)).toEqual([]);
    expect(rejectToken(heldGrant({ accessGeneration: 3, state: 'consent-required' }), 3, START)).toEqual([]);
  });
});
