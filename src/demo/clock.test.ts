import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { gearedClock } from './clock.ts';

const ORIGIN = Date.UTC(2026, 9, 1);
const DAY = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

test('a clock goes at the machine’s pace until it is shifted, and never jumps', () => {
  const clock = gearedClock(ORIGIN);
  const steady = clock.steady();
  const passed = () => [clock.now() - ORIGIN, clock.steady() - steady];
  vi.advanceTimersByTime(500);
  expect(passed()).toEqual([500, 500]);
  clock.shift(86_400);
  expect(passed()).toEqual([500, 500]);
  vi.advanceTimersByTime(1_000);
  expect(passed()).toEqual([DAY + 500, DAY + 500]);
  clock.shift(1);
  vi.advanceTimersByTime(1_000);
  expect(passed()).toEqual([DAY + 1_500, DAY + 1_500]);
  expect(clock.monotonic()).toBe(performance.now());
});

test('a timer that was set at one pace ends at the next one’s', () => {
  const clock = gearedClock(ORIGIN);
  let ended = 0;
  clock.after(2 * DAY + 1_000, () => {
    ended += 1;
  });
  vi.advanceTimersByTime(1_000);
  clock.shift(86_400);
  vi.advanceTimersByTime(1_999);
  expect(ended).toBe(0);
  vi.advanceTimersByTime(1);
  expect(ended).toBe(1);
  clock.shift(1);
  vi.advanceTimersByTime(3 * DAY);
  expect(ended).toBe(1);
});

test('a timer that was cancelled never ends, whenever the clock is shifted', () => {
  const clock = gearedClock(ORIGIN);
  const ends: string[] = [];
  clock.after(DAY, () => ends.push('cancelled before'))();
  const cancel = clock.after(DAY, () => ends.push('cancelled after'));
  clock.shift(86_400);
  cancel();
  vi.advanceTimersByTime(3_000);
  expect(ends).toEqual([]);
});
