import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../model/index.ts';
import { backoff, rest } from './backoff.ts';

const inSeconds = (attempts: readonly number[], limits = {}) =>
  attempts.map((attempt) => backoff(attempt, limits) / SECOND);

describe('the wait after a failure', () => {
  test('doubles from one second to a minute', () => {
    expect(inSeconds([1, 2, 3, 4, 5, 6, 7, 8, 1_000])).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test('is a second where nothing has failed yet', () => {
    expect(backoff(0, {})).toBe(SECOND);
  });

  test('is no shorter than the other side asked for', () => {
    expect(inSeconds([1, 9], { retryAfterMs: 30 * SECOND })).toEqual([30, 60]);
  });

  test('is no longer than a twentieth of the overlap left, and no shorter than a second', () => {
    expect(inSeconds([1, 9], { overlapLeft: 10 * MINUTE })).toEqual([1, 30]);
    expect(inSeconds([9], { overlapLeft: 2 * SECOND })).toEqual([1]);
  });

  test('heeds the other side also when the overlap runs out', () => {
    expect(inSeconds([9], { overlapLeft: MINUTE, retryAfterMs: 40 * SECOND })).toEqual([40]);
  });

  test.each([0, -HOUR])('is not shortened by an overlap that has ended (%d ms left)', (overlapLeft) => {
    expect(inSeconds([9], { overlapLeft })).toEqual([60]);
  });

  test('is a whole number of milliseconds', () => {
    expect(backoff(9, { overlapLeft: 100_001 })).toBe(5_000);
  });
});

test('a failed rotation rests for an hour, doubling to a day', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7, 1_000].map((failures) => rest(failures) / HOUR)).toEqual([
    1, 1, 2, 4, 8, 16, 24, 24, 24,
  ]);
});
