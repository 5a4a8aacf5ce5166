import { expect, test } from 'vitest';
import { parseMoment } from './moment.ts';

const NOW = Date.UTC(2026, 8, 30, 12);

test.each([
  ['12h', NOW + 12 * 3_600_000],
  ['1d12h', NOW + 36 * 3_600_000],
  ['2026-10-01T09:00:00Z', Date.UTC(2026, 9, 1, 9)],
  ['2026-10-01T11:00:00+02:00', Date.UTC(2026, 9, 1, 9)],
  ['2026-10-01 09:00:00Z', Date.UTC(2026, 9, 1, 9)],
])('%s is a moment', (text, at) => {
  expect(parseMoment(text, NOW)).toBe(at);
});

test.each(['', 'tomorrow', '12', '-1h', '2026-10-01', '2026-10-01T09:00:00', '2026-02-30T09:00:00Z', '1.5h'])(
  '%j is none: a time without its zone would be guessed at',
  (text) => {
    expect(parseMoment(text, NOW)).toBe(null);
  },
);
