import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

test('a minute is worth its limit at once and refills evenly', () => {
  const limit = new RateLimit();
  const allowed = Array.from({ length: 121 }, () => limit.take('key', 120, 0).allowed);
  expect(allowed.filter(Boolean)).toHaveLength(120);
  expect(limit.take('key', 120, 499).allowed).toBe(false);
  expect(limit.take('key', 120, 500).allowed).toBe(true);
  expect(limit.take('key', 120, 60_500)).toMatchObject({ allowed: true, remaining: 119, resetAt: 61 });
});

test('a refusal says for how many whole seconds to wait', () => {
  const limit = new RateLimit();
  limit.take('key', 2, 0);
  limit.take('key', 2, 0);
  expect(limit.take('key', 2, 0)).toMatchObject({ allowed: false, remaining: 0, retryAfter: 30 });
  expect(limit.take('key', 2, 29_999).allowed).toBe(false);
  expect(limit.take('key', 2, 30_000).allowed).toBe(true);
});

test('keys do not share a bucket, and a clock that steps back takes nothing away', () => {
  const limit = new RateLimit();
  expect(limit.take('a', 1, 60_000).allowed).toBe(true);
  expect(limit.take('b', 1, 60_000).allowed).toBe(true);
  expect(limit.take('a', 1, 0).allowed).toBe(false);
  expect(limit.take('a', 1, 60_000).allowed).toBe(true);
});
