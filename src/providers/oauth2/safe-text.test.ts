import { expect, test } from 'vitest';
import { itSays, safeText } from './safe-text.ts';

test.each([
  ['refresh token not found', [], 'refresh token not found'],
  ['bad\nrefresh token r3fr3sh', ['r3fr3sh'], 'bad refresh token …'],
  ['«Zugriff verweigert» 拒否', [], '«Zugriff verweigert» 拒否'],
  ['a "quoted" word', [], "a 'quoted' word"],
  ['x\u200b\u202e\u0007\u2028y', [], 'x y'],
  [`see ${'a'.repeat(24)}.`, [], 'see …'],
  [`see ${'a'.repeat(22)}.`, [], `see ${'a'.repeat(22)}.`],
  ['s3cr3t', ['s3cr3t', ''], '…'],
  [' \u0000 ', [], null],
  ['', [], null],
  [7, [], null],
  [undefined, [], null],
])('%j without %j is shown as %j', (text, secrets, shown) => {
  expect(safeText(text, secrets)).toBe(shown);
});

test('a long text is cut at a whole character', () => {
  const text = safeText('🦊 '.repeat(1_000), []) ?? '';
  expect(Array.from(text)).toHaveLength(200);
  expect(text.endsWith('…')).toBe(true);
  expect(text.isWellFormed()).toBe(true);
});

test('what is said stands in quotes behind what is known', () => {
  expect(itSays('no', [])).toBe(' (it says: "no")');
  expect(itSays(null, [])).toBe('');
});
