import { expect, test } from 'vitest';
import { BOUT, CROWD, DRIFT, windowOf } from './bins.ts';
import { gotInPhrase } from './words.ts';

test('the time that a test looks at is said in words that a person understands', () => {
  expect([0, 1, 2, 3, DRIFT].map(windowOf)).toEqual(['1m', '10m', '1h', '12h', 'slow drift']);
  expect([CROWD, BOUT].map(windowOf)).toEqual(['20m, new addresses', '20m, one address']);
});

test('of several that got in the first is named, and how many more there are', () => {
  expect(gotInPhrase(['203.0.113.9'])).toBe('203.0.113.9 got in');
  expect(gotInPhrase(['203.0.113.9', '203.0.113.10'])).toBe('203.0.113.9 and 1 more got in');
});
