import { expect, test } from 'vitest';
import { MINUTE } from '../../model/index.ts';
import { Bucket } from './bucket.ts';

test.each([6, 120, 600, 36_000])('a limit of %i a minute is never passed in any minute', (limit) => {
  const bucket = new Bucket(limit, 0);
  const sent: number[] = [];
  for (let now = 0; now <= 3 * MINUTE; now += 10) {
    // A rest now and then fills it up.
    if (now > MINUTE && now < 1.5 * MINUTE) continue;
    for (let room = bucket.room(now); room > 0; room -= 1) {
      bucket.take(now);
      sent.push(now);
    }
  }
  const within = (from: number) => sent.filter((at) => at >= from && at < from + MINUTE).length;
  const most = Math.max(...[0, 0.3, 0.5, 1, 1.5, 2].map((minutes) => within(minutes * MINUTE)));
  expect(most).toBeLessThanOrEqual(limit);
  expect(within(2 * MINUTE)).toBeGreaterThanOrEqual(limit * 0.8);
});

test('what is taken ahead of time is waited for, and what was not sent comes back', () => {
  const bucket = new Bucket(60, 0);
  for (let taken = 0; taken < 12; taken += 1) bucket.take(0);
  expect(bucket.room(0)).toBe(0);
  expect(bucket.waitMs(0)).toBe(3_600);
  bucket.giveBack(0);
  expect(bucket.waitMs(0)).toBe(2_400);
  expect(bucket.room(2_400)).toBe(1);
  expect(bucket.waitMs(2_400)).toBe(0);
});

test('a look is worth some requests where there are many', () => {
  const bucket = new Bucket(600_000, 0);
  while (bucket.room(0) > 0) bucket.take(0);
  expect(bucket.waitMs(0)).toBe(20);
});
