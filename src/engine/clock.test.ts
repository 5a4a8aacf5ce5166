import { describe, expect, test, vi } from 'vitest';
import { fastClock, systemClock } from './clock.ts';

const DAY = 86_400_000;

describe('a timer', () => {
  test('past 24.8 days does not fire at once, and fires when its time has come', () => {
    vi.useFakeTimers();
    try {
      let fired = 0;
      systemClock().after(60 * DAY, () => {
        fired += 1;
      });
      vi.advanceTimersByTime(59 * DAY);
      expect(fired).toBe(0);
      vi.advanceTimersByTime(DAY);
      expect(fired).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  test('that was cancelled never fires, however long it was split', () => {
    vi.useFakeTimers();
    try {
      let fired = 0;
      const cancel = systemClock().after(60 * DAY, () => {
        fired += 1;
      });
      vi.advanceTimersByTime(30 * DAY);
      cancel();
      vi.advanceTimersByTime(60 * DAY);
      expect(fired).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

test('a fast clock lets a day pass in a second, and its timers with it', () => {
  vi.useFakeTimers();
  try {
    const origin = Date.UTC(2026, 9, 1);
    const clock = fastClock(origin, 86_400);
    let fired = false;
    clock.after(2 * DAY, () => {
      fired = true;
    });
    vi.advanceTimersByTime(1_000);
    expect(clock.now() - origin).toBe(DAY);
    expect(clock.monotonic()).toBe(performance.now());
    expect(fired).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(fired).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
