import { expect, test } from 'vitest';
import { DAY, formatDuration, formatTime, HOUR, MINUTE, SECOND } from './time.ts';

test.each([
  [0, '0s'],
  [1, '1ms'],
  [1_500, '1s500ms'],
  [90 * SECOND, '1m30s'],
  [72 * HOUR, '3d'],
  [90 * DAY, '90d'],
  [3 * HOUR + 5 * MINUTE + 7, '3h5m'],
  [DAY + 1, '1d'],
  [-2 * MINUTE, '-2m'],
])('%d ms reads %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('a time is RFC 3339 in UTC, with milliseconds only where there are any', () => {
  expect(formatTime(Date.UTC(2026, 9, 1, 9))).toBe('2026-10-01T09:00:00Z');
  expect(formatTime(Date.UTC(2026, 9, 1, 9) + 5)).toBe('2026-10-01T09:00:00.005Z');
});
