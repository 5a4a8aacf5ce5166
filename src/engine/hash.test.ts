import { expect, test } from 'vitest';
import { Secret } from '../model/index.ts';
import { createKeyedHash } from './hash.ts';

const hash = createKeyedHash(Secret.from('one key'));
const other = createKeyedHash(Secret.from('another key'));

test('a fingerprint tells equal values and nothing without the key', () => {
  const value = Secret.from('ff_live_0123456789abcdef');
  expect(hash.fingerprint(value)).toMatch(/^[0-9a-f]{12}$/);
  expect(hash.fingerprint(Secret.from('ff_live_0123456789abcdef'))).toBe(hash.fingerprint(value));
  expect(hash.fingerprint(Secret.from('ff_live_0123456789abcdeg'))).not.toBe(hash.fingerprint(value));
  expect(other.fingerprint(value)).not.toBe(hash.fingerprint(value));
});

test('a digest keeps its parts apart', () => {
  expect(hash.digest('ab', 'c')).not.toBe(hash.digest('a', 'bc'));
  expect(hash.digest('a', '')).not.toBe(hash.digest('a'));
  expect(hash.digest('a')).toBe(other.digest('a'));
});

test('the unit number is in [0, 1), spread, and the same every time', () => {
  const units = Array.from({ length: 1_000 }, (_, index) => hash.unit('credential', String(index)));
  expect(Math.min(...units)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...units)).toBeLessThan(1);
  const mean = units.reduce((sum, unit) => sum + unit, 0) / units.length;
  expect(mean).toBeGreaterThan(0.45);
  expect(mean).toBeLessThan(0.55);
  expect(hash.unit('credential', '7')).toBe(units[7]);
});
