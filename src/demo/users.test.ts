import { expect, test } from 'vitest';
import type { UserGrant } from '../sandbox/index.ts';
import type { UsersProcess } from './application-process.ts';
import { Users } from './users.ts';

type News = ReturnType<UsersProcess['news']>;

const GRANT: UserGrant = {
  id: 'grant_1',
  clientId: 'footage-app',
  scopes: ['asset:download'],
  createdAt: 0,
  refreshes: 2,
  revokedAt: null,
  revokedBecause: null,
};
const TAKEN_BACK: UserGrant = { ...GRANT, id: 'grant_2', refreshes: 1, revokedBecause: 'by-user' };

/** What is told, and what counts as a failure, where the application reports `news`. */
function told(news: News, grants: readonly UserGrant[] = [GRANT], speed = 86_400) {
  const lines: string[] = [];
  const events: string[] = [];
  const users = new Users({
    now: () => 0,
    screen: { tell: (_, label, text) => lines.push(`${label}: ${text}`) },
    process: { news: () => news, tally: () => ({ calls: 7, failures: 1, perSecond: 0 }) },
    grants: () => grants,
    speed,
    begun: () => events.push('begun'),
    failed: (_, what) => events.push(what),
    lost: (_, reason) => events.push(`lost: ${reason}`),
  });
  users.follow();
  return { lines, events, figures: users.figures() };
}

const CONSENTED = { type: 'consented', subject: 'ada', scope: 'asset:download' } as const;
const ENDED = { type: 'ended', subject: 'ada', reason: 'refused' } as const;

test('the clock is fast once all have consented, or the application is gone, and is told once', () => {
  const all = told([CONSENTED, { type: 'begun' }, { type: 'lost', reason: 'killed' }]);
  expect(all.lines).toEqual([
    'consent: ada allows asset:download at FrameFlow',
    'clock: from here on a day passes every second',
  ]);
  expect(all.events).toEqual(['begun', 'lost: killed']);
  expect(told([{ type: 'begun' }], [], 1).lines).toEqual([]);
});

test('the first renewal of each user is told, the others are counted by the provider', () => {
  const token = (subject: string, version: number) => ({ type: 'token', subject, version }) as const;
  const { lines, figures } = told([token('ada', 1), token('ada', 2), token('ada', 3), token('bea', 4)]);
  expect(lines).toEqual([expect.stringMatching(/^renewal: ada has a new access token/)]);
  expect(figures).toEqual({ consented: 0, ended: 0, renewals: 2, calls: 7, failures: 1 });
});

test('a consent that its user took back is no failure; one that was lost is', () => {
  const taken = told([ENDED], [GRANT, TAKEN_BACK]);
  expect([taken.events, taken.figures.ended]).toEqual([[], 1]);
  expect(taken.lines).toEqual(['users: Keywarden tells the application: ada must consent again']);
  const lost = told([ENDED], [{ ...GRANT, revokedBecause: 'refresh-token-reused' }]);
  expect([lost.events, lost.figures.ended]).toEqual([['the user ada: refused'], 0]);
  expect(told([ENDED, ENDED], [GRANT, TAKEN_BACK]).events).toEqual(['the user ada: refused']);
});

test('a failure names its user', () => {
  const { events } = told([{ type: 'failure', subject: 'ada', reason: 'FrameFlow: 401 token_expired' }]);
  expect(events).toEqual(['the user ada: FrameFlow: 401 token_expired']);
});
