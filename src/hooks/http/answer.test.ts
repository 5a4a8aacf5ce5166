import { expect, test } from 'vitest';
import { refusal } from './answer.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const ORIGIN = 'https://app.example.com';

const of = (status: number, retryAfter: string | null = null, date: string | null = null) =>
  refusal({ status, retryAfter, date }, ORIGIN, NOW);

test.each([
  [400, 'refused', 'permanent'],
  [401, 'refused', 'permanent'],
  [404, 'refused', 'permanent'],
  [422, 'refused', 'permanent'],
  [408, 'unavailable', 'retryable'],
  [425, 'unavailable', 'retryable'],
  [429, 'rate_limited', 'retryable'],
  [503, 'unavailable', 'retryable'],
  [500, 'unavailable', 'unknown'],
  [502, 'unavailable', 'unknown'],
  [504, 'unavailable', 'unknown'],
  [304, 'unavailable', 'unknown'],
])('%i is %s, %s', (status, code, verdict) => {
  const failure = of(status);
  expect(failure).toMatchObject({ code, verdict });
  expect(failure.message).toMatch(`the onChange hook ${ORIGIN} answered ${status}`);
});

test.each([
  ['30', null, 30_000],
  [' 0 ', null, 0],
  ['999999', null, 3_600_000],
  ['9'.repeat(400), null, 3_600_000],
  ['Thu, 01 Oct 2026 09:02:00 GMT', null, 120_000],
  ['Thu, 01 Oct 2026 09:02:00 GMT', 'Thu, 01 Oct 2026 09:01:00 GMT', 60_000],
  ['Thu, 01 Oct 2026 08:00:00 GMT', null, 0],
])('Retry-After: %s, at %s there, is a wait of %s ms', (retryAfter, date, ms) => {
  expect(of(429, retryAfter, date).retryAfterMs).toBe(ms);
  expect(of(503, retryAfter, date).retryAfterMs).toBe(ms);
});

test.each([null, '', 'soon', '-5', '1.5', 'Thu, 99 Oct 2026 09:02:00 GMT', '2026-10-01'])(
  'Retry-After: %s says nothing of use',
  (retryAfter) => {
    expect(of(429, retryAfter)).not.toHaveProperty('retryAfterMs');
  },
);

test('only 429 and 503 are asked how long to wait', () => {
  expect(of(404, '30')).not.toHaveProperty('retryAfterMs');
  expect(of(500, '30')).not.toHaveProperty('retryAfterMs');
});
