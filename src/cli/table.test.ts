import { expect, test } from 'vitest';
import { table, widthOf } from './table.ts';
import { printable } from './terminal.ts';

test('columns line up, also under wide and combined characters', () => {
  expect(
    table(
      ['NAME', 'AGE'],
      [
        ['São Paulo', '1d'],
        ['東京', '12d'],
        ['e\u0301', '-'],
      ],
    ),
  ).toBe(['NAME       AGE', 'São Paulo  1d', '東京       12d', 'e\u0301          -'].join('\n'));
});

test.each([
  ['', 0],
  ['abc', 3],
  ['東京', 4],
  ['e\u0301', 1],
  ['👩‍👩‍👧', 2],
])('%j takes %i columns', (text, width) => {
  expect(widthOf(text)).toBe(width);
});

test('no text from elsewhere can move the cursor or turn a line around', () => {
  expect(printable('a\u001b[2Jb\u202ec\r\n')).toBe('a\\u001b[2Jb\\u202ec\\u000d\\u000a');
  expect(table(['T'], [['\u001b[31mred']])).toBe('T\n\\u001b[31mred');
});
