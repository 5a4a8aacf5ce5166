import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { Desk, START, tokens } from './testing/desk.ts';

const days = (ms: number) => (ms - START) / DAY;

function waits(desk: Desk): { until: number; lane: string } {
  const action = desk.plan();
  if (action.do !== 'wait') throw new TypeError(`expected a wait, not ${action.do}`);
  return action;
}

describe('a grant that nobody uses', () => {
  test.each([
    [0, 50],
    [0.5, 57.5],
    [1, 65],
  ])('is refreshed by keepAlive, spread over 15 days: %d of them at day %d', (spread, day) => {
    const desk = new Desk({ spread });
    desk.set({ client: { ...desk.situation.client, slides: true } });
    expect(days(waits(desk).until)).toBeCloseTo(day, 3);
    expect(waits(desk).lane).toBe('idle');
    desk.now = START + day * DAY + SECOND;
    expect(desk.plan()).toMatchObject({ do: 'refresh', attempt: { sent: 1, scope: null } });
  });

  test('is lazy: the end of its access token moves nothing', () => {
    const desk = new Desk();
    desk.now = START + 10 * HOUR;
    expect(days(waits(desk).until)).toBeGreaterThan(49);
  });

  test('with a refresh token that lives for a day has all of it in proportion', () => {
    const at = [0, 1].map(
      (spread) => waits(new Desk({ spread, policy: { refreshLifetime: DAY } })).until - START,
    );
    expect(at.map((ms) => ms / DAY)).toEqual([
      expect.closeTo(2 / 3 - 1 / 9, 3),
      expect.closeTo(2 / 3 + 1 / 18, 3),
    ]);
  });

  test('counts from its last refresh, also where the refresh token stayed the same', () => {
    const desk = new Desk();
    desk.now = START + 60 * DAY;
    desk.set({ client: { ...desk.situation.client, slides: true } });
    desk.succeeds(tokens(2, { refresh: null }));
    expect(days(waits(desk).until)).toBeGreaterThan(100);
  });

  test('that moved in is tried when nothing else is due', () => {
    const desk = new Desk({ grant: { generation: 0, accessExpiresAt: null, accessSentAt: null } });
    expect(desk.plan().do).toBe('refresh');
  });
});

describe('a grant in use', () => {
  const used = { usedAt: START + 40 * MINUTE };

  test.each([
    [0, 42],
    [0.5, 48],
    [1, 54],
  ])('is refreshed at 70 to 90 %% of its life: %d at minute %d', (spread, minute) => {
    const desk = new Desk({ spread, grant: used });
    expect(waits(desk)).toMatchObject({ until: START + minute * MINUTE, lane: 'hot' });
    desk.now = START + minute * MINUTE;
    expect(desk.plan().do).toBe('refresh');
  });

  test('never later than `before` its end', () => {
    const desk = new Desk({ spread: 1, grant: used, policy: { before: 15 * MINUTE } });
    expect(waits(desk).until).toBe(START + 45 * MINUTE);
  });

  test('with tokens of seconds is not refreshed without a pause', () => {
    const grant = { usedAt: START, accessExpiresAt: START + 8 * SECOND };
    const desk = new Desk({ grant });
    desk.now = START + SECOND;
    expect(waits(desk).until).toBe(START + 4 * SECOND);
  });

  test('is idle an hour after its last use', () => {
    const desk = new Desk({ grant: { usedAt: START } });
    desk.now = START + HOUR;
    expect(waits(desk).lane).toBe('idle');
  });
});

describe('somebody waits', () => {
  test('and gets a refresh where the token will not do', () => {
    const desk = new Desk({ lane: 'waiting' });
    expect(waits(desk)).toMatchObject({ lane: 'hot' });
    desk.now = START + HOUR - 59 * SECOND;
    expect(desk.plan().do).toBe('refresh');
  });

  test('for a token that the provider refuses: refreshed once for that version', () => {
    for (const lane of ['waiting', 'idle'] as const) {
      const desk = new Desk({ lane, grant: { rejectedGeneration: 1 } });
      desk.succeeds(tokens(2));
      expect(desk.plan().do).toBe('wait');
    }
  });

  test('for fewer scopes: the same refresh token, another access token', () => {
    const desk = new Desk({ lane: 'waiting', wanted: ['asset:download'] });
    expect(desk.plan()).toMatchObject({ do: 'refresh', attempt: { scope: 'asset:download' } });
  });

  test('and the end of the present one comes first', () => {
    const desk = new Desk({ lane: 'waiting', wanted: ['asset:download'] });
    desk.now = START + HOUR;
    expect(desk.plan()).toMatchObject({ do: 'refresh', attempt: { scope: null } });
  });

  test.each([[['a']], [[]]])('but not before the grant may be tried again (%j)', (wanted) => {
    const retryAt = START + 2 * HOUR;
    const desk = new Desk({ lane: 'waiting', wanted, grant: { retryAt } });
    desk.now = START + HOUR;
    expect(waits(desk)).toEqual({ do: 'wait', until: retryAt, lane: 'waiting' });
  });
});

describe('whether a refresh gives a new life', () => {
  const long = {
    renewedAt: START + 57 * DAY,
    accessSentAt: START + 57 * DAY,
    accessExpiresAt: START + 57.1 * DAY,
  };

  test('is assumed not to be so: the lane is `lapsing` under 14 days from the end', () => {
    const desk = new Desk({ grant: { ...long, usedAt: START + 77 * DAY } });
    desk.now = START + 77 * DAY;
    expect(desk.plan().do).toBe('refresh');
    desk.set({ spread: 0.1 });
    desk.succeeds(tokens(2));
    expect(waits(desk).lane).toBe('lapsing');
  });

  test('is tried just after the assumed end, and then known for all', () => {
    const desk = new Desk({ grant: long });
    desk.now = START + 58 * DAY;
    expect(days(waits(desk).until)).toBeCloseTo(90.5, 3);
    desk.now = waits(desk).until;
    desk.succeeds(tokens(2));
    expect(desk.situation.client.slides).toBe(true);
    expect(waits(desk).lane).toBe('idle');
    expect(days(waits(desk).until)).toBeCloseTo(90.5 + 57.5, 3);
  });

  test('is not known by a refresh before it', () => {
    const desk = new Desk({ grant: { usedAt: START + 40 * MINUTE } });
    desk.now = START + 60 * DAY;
    desk.succeeds(tokens(2));
    expect(desk.situation.client.slides).toBeNull();
  });

  test.each([
    [90 * DAY, true],
    [30 * DAY, false],
  ])('is known by the ends that the provider gives: then %i ms, so %s', (refreshExpiresIn, slides) => {
    const desk = new Desk({ grant: { refreshExpiresAt: START + 90 * DAY } });
    desk.now = START + 60 * DAY;
    desk.succeeds(tokens(2, { refreshExpiresIn }));
    expect(desk.situation.client.slides).toBe(slides);
    expect(desk.grant.refreshExpiresAt).toBe(START + 60 * DAY + refreshExpiresIn);
  });

  test.each([
    ['as its answers say', (left: number) => ({ refreshExpiresIn: left })],
    ['as was once said', () => ({ refresh: null })],
  ])('one that ends in any case, %s, is not refreshed more and more often', (_, answer) => {
    const desk = new Desk({ grant: { refreshExpiresAt: START + 90 * DAY } });
    let refreshes = 0;
    while (desk.now < START + 120 * DAY && refreshes < 10) {
      const action = desk.plan();
      if (action.do === 'wait') desk.now = action.until;
      else {
        desk.succeeds(tokens(refreshes, answer(START + 90 * DAY - desk.now)));
        refreshes += 1;
      }
    }
    expect(refreshes).toBeLessThan(4);
  });
});
