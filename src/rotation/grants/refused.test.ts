import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../model/index.ts';
import { loginCommand } from './alerts.ts';
import { refusedAtOnce } from './refused.ts';
import { Desk, INVALID_CLIENT, INVALID_GRANT, LOST, START, tokens } from './testing/desk.ts';

/** Somebody waits for one of the client's grants; so many others were refused just before. */
function wanting(before: number, grants = 1000): Desk {
  const desk = new Desk({ lane: 'waiting', grants });
  desk.now = START + 2 * HOUR;
  const refusedAt = Array.from({ length: before }, (_, index) => desk.now - index);
  desk.set({ client: { ...desk.situation.client, refusedAt } });
  return desk;
}

describe('a grant that the provider calls invalid', () => {
  test('is dead: one alert, a line in the audit log, and no further request', () => {
    const desk = wanting(0);
    desk.fails(INVALID_GRANT);
    expect(desk.grant).toMatchObject({ state: 'consent-required', attempt: null, retryAt: null });
    expect(desk.grant.reason).toMatch(/^refused/);
    expect(desk.told()).toEqual(['raise consent-required subject:user-1']);
    expect(desk.written).toContain('grant.consent-required');
    for (let year = 0; year < 5; year += 1) {
      const action = desk.plan();
      expect(action.do).toBe('wait');
      desk.now = action.do === 'wait' ? action.until : 0;
    }
  });

  test('is told with the command that brings it back, safe to be pasted', () => {
    const desk = wanting(0);
    desk.setGrant({ subject: "x'; rm -rf ~\n" });
    const [alert] = desk.fails(INVALID_GRANT).signals;
    expect(alert).toMatchObject({
      severity: 'warning',
      credential: 'footage-app',
      action: expect.stringContaining("keywarden login footage-app --subject $'x\\'; rm -rf ~\\U0000000a'"),
    });
  });

  test('is not written where somebody else wrote it meanwhile', () => {
    const desk = wanting(0);
    const { revision } = desk.situation.held;
    const { changes } = desk.fails(INVALID_GRANT);
    expect(changes[0]).toEqual({
      type: 'grant.expect',
      client: 'footage-app',
      subject: 'user-1',
      revision: revision + 1,
    });
  });
});

test.each([
  ['user-1@example.com', '--subject user-1@example.com'],
  ['-rf', "--subject='-rf'"],
  ["o'neil $(id)", "--subject 'o'\\''neil $(id)'"],
  ['a\u202eb', "--subject $'a\\U0000202eb'"],
])('the subject %j is one word of a shell', (subject, option) => {
  expect(loginCommand('footage-app', subject)).toBe(`keywarden login footage-app ${option}`);
});

describe('many at once', () => {
  test.each([
    [1, 20],
    [1_999, 20],
    [2_000, 21],
    [10_000, 101],
    [1_000_000, 500],
  ])('of %i grants are %i within five minutes', (grants, many) => {
    expect(refusedAtOnce(grants)).toBe(many);
  });

  test('the nineteenth is dead, the twentieth is not believed', () => {
    expect(wanting(18).fails(INVALID_GRANT).signals).toHaveLength(1);
    const desk = wanting(19);
    desk.fails(INVALID_GRANT);
    expect(desk.grant).toMatchObject({ state: 'active', attempt: null });
    expect(desk.situation.client.pause).toMatchObject({
      why: 'grants-refused',
      until: desk.now + 5 * MINUTE,
    });
    expect(desk.told()).toEqual(['raise refresh-failed grants-refused']);
  });

  test('of more than 1 % of a large client', () => {
    const desk = wanting(99, 10_000);
    desk.fails(INVALID_GRANT);
    expect(desk.grant.state).toBe('consent-required');
  });

  test('over more than five minutes are not at once', () => {
    const desk = wanting(19);
    desk.now += 5 * MINUTE;
    desk.fails(INVALID_GRANT);
    expect(desk.grant.state).toBe('consent-required');
    expect(desk.situation.client.refusedAt).toEqual([desk.now]);
  });

  test('what was under way makes no flood', () => {
    const desk = wanting(19);
    const sent = desk.send();
    for (let round = 0; round < 32; round += 1) {
      desk.setGrant({ attempt: sent.attempt });
      desk.fold(sent, { of: 'refresh', failure: INVALID_GRANT });
      desk.now += 10;
    }
    expect(desk.told()).toEqual(['raise refresh-failed grants-refused']);
    expect(desk.grant.state).toBe('active');
  });

  test('one grant tries after the pause: refused again, the next pause is longer; served, all goes on', () => {
    const desk = wanting(19);
    desk.fails(INVALID_GRANT);
    desk.now = desk.situation.client.pause?.until ?? 0;
    expect(desk.plan(), 'another grant goes first').toMatchObject({ do: 'wait' });
    desk.setGrant({ retryAt: null });
    desk.fails(INVALID_GRANT);
    expect(desk.grant.state).toBe('active');
    expect(desk.situation.client.pause).toMatchObject({ until: desk.now + 10 * MINUTE, count: 2 });
    desk.now = desk.situation.client.pause?.until ?? 0;
    desk.setGrant({ retryAt: null });
    desk.succeeds(tokens(2));
    expect(desk.situation.client.pause).toBeNull();
    expect(desk.told().at(-1)).toBe('resolve refresh-failed grants-refused');
  });

  test('a wrong client secret says more, and hides it', () => {
    const desk = wanting(19);
    const sent = desk.send();
    desk.fold(sent, { of: 'refresh', failure: INVALID_GRANT });
    desk.setGrant({ attempt: sent.attempt });
    desk.fold(sent, { of: 'refresh', failure: INVALID_CLIENT });
    expect(desk.situation.client.pause?.why).toBe('client-refused');
    expect(desk.told()).toContain('resolve refresh-failed grants-refused');
  });

  test('one whose answer was lost keeps its attempt', () => {
    const desk = wanting(19);
    desk.fails(LOST);
    desk.now += 2000;
    desk.fails(INVALID_GRANT);
    expect(desk.grant).toMatchObject({ state: 'active', attempt: { sent: 2 } });
  });
});
