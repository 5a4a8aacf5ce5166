import { beforeEach, expect, test } from 'vitest';
import { MINUTE, SECOND, type Signal } from '../model/index.ts';
import type { SeenClock } from '../providers/contract.ts';
import { ClockSkew } from './clock-skew.ts';

const NOW = Date.UTC(2026, 9, 1, 9);

let seen: SeenClock | null;
let skew: ClockSkew;

beforeEach(() => {
  seen = null;
  skew = made();
});

const made = () => new ClockSkew(new Map([['frameflow', { seenClock: () => seen }]]));

/** What is told once the provider has answered with a clock that is so far ahead of ours, ms. */
function answered(ahead: number): Signal[] {
  seen = { date: NOW + ahead, sent: NOW, wall: NOW, steady: (seen?.steady ?? 0) + SECOND };
  return look();
}

function look(): Signal[] {
  const news = skew.news(NOW);
  skew.told(news);
  return news;
}

test('a clock that is off in three answers is told once, with by how much, and ends when it is right again', () => {
  expect(look()).toEqual([]);
  expect(answered(0)).toMatchObject([{ type: 'resolve', kind: 'clock-skew', condition: 'frameflow' }]);
  expect([...answered(5 * MINUTE), ...answered(5 * MINUTE)]).toEqual([]);
  expect(answered(5 * MINUTE)).toMatchObject([
    {
      type: 'raise',
      kind: 'clock-skew',
      condition: 'frameflow',
      severity: 'warning',
      title: "This machine's clock is 5m behind that of frameflow",
      evidence: { provider: 'frameflow', offset: '5m', ours: 'behind' },
    },
  ]);
  expect([...answered(5 * MINUTE), ...answered(6 * MINUTE)]).toEqual([]);
  expect(answered(2 * MINUTE)).toMatchObject([{ type: 'resolve', condition: 'frameflow' }]);
  expect(answered(0)).toEqual([]);
});

test('one answer counts once, however often it is looked at, and a right one in between begins anew', () => {
  skew.told([{ type: 'resolve', kind: 'clock-skew', condition: 'frameflow', at: NOW }]);
  expect([...answered(-3 * MINUTE), ...look(), ...look(), ...look()]).toEqual([]);
  expect([...answered(-3 * MINUTE), ...answered(0), ...answered(-3 * MINUTE)]).toEqual([]);
  expect(answered(-3 * MINUTE)).toEqual([]);
  expect(answered(-3 * MINUTE)).toMatchObject([
    { type: 'raise', title: "This machine's clock is 3m ahead of that of frameflow" },
  ]);
});

test('what could not be committed is news still', () => {
  for (const _ of [1, 2]) answered(5 * MINUTE);
  seen = { date: NOW + 5 * MINUTE, sent: NOW, wall: NOW, steady: 9 * SECOND };
  expect(skew.news(NOW)).toHaveLength(1);
  expect(look()).toMatchObject([{ type: 'raise' }]);
  expect(look()).toEqual([]);
});

test('an alert of the time before the start ends with the first answer that is right', () => {
  for (const _ of [1, 2, 3]) answered(5 * MINUTE);
  skew = made();
  expect(answered(0)).toMatchObject([{ type: 'resolve' }]);
});

test('an answer that was long on its way says no more than that', () => {
  for (let count = 1; count <= 5; count += 1) {
    seen = { date: NOW - 9 * MINUTE, sent: NOW - 10 * MINUTE, wall: NOW, steady: count * SECOND };
    expect(look().filter(({ type }) => type === 'raise')).toEqual([]);
  }
});
