import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test.each([
  ['evry', 'every'],
  ['eevry', 'every'],
  ['EVERY', 'every'],
  ['overlpa', 'overlap'],
  ['log-silense', 'Log-Silence'],
])('%s was meant to be %s', (typed, meant) => {
  expect(nearest(typed, ['overlap', 'every', 'Log-Silence'])).toBe(meant);
});

test.each([
  ['vt', 'kv', null],
  ['vk', 'k', 'k'],
  ['abc', 'abx', 'abx'],
  ['abc', 'axy', null],
  ['ab', 'abcd', 'abcd'],
  ['abcd', 'abxy', 'abxy'],
  ['abcd', 'axyz', null],
  ['abcdefghi', 'abcdefxyz', 'abcdefxyz'],
  ['abcdefghi', 'abcdewxyz', null],
])(
  'a third of the letters may differ, two at least, one in words under four: %s, %s',
  (typed, name, found) => {
    expect(nearest(typed, [name])).toBe(found);
  },
);

test('the nearest name wins, and the first of those equally near', () => {
  expect(nearest('prod', ['prodd', 'prod2', 'Prod'])).toBe('Prod');
  expect(nearest('prod', ['prod1', 'prod2'])).toBe('prod1');
});

test('nothing is near where there are no names', () => {
  expect(nearest('every', [])).toBe(null);
});

test('a text over 64 characters is no mistyped name', () => {
  expect(nearest('x'.repeat(64), ['x'.repeat(63)])).toBe('x'.repeat(63));
  expect(nearest('x'.repeat(65), ['x'.repeat(64)])).toBe(null);
});
