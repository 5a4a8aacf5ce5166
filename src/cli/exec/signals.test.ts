import { expect, test } from 'vitest';
import { isForeground } from './signals.ts';

const stat = (terminal: number, group: number, foreground: number) =>
  `4711 (node (a) b) S 1 ${group} 4000 ${terminal} ${foreground} 4194304 5028`;

test.each([
  ['the terminal’s foreground group is ours', stat(34816, 4711, 4711), true],
  ['another group has the terminal', stat(34816, 4711, 4000), false],
  ['there is no terminal', stat(0, 4711, -1), false],
])('where %s', (_, text, expected) => {
  expect(isForeground(text)).toBe(expected);
});
