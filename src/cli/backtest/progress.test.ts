import { expect, test } from 'vitest';
import { progressLine } from './progress.ts';

test('the bar says how far it is, how fast, and for how long yet', () => {
  expect(progressLine({ bytes: 25, events: 50_000 }, 100, 10_000)).toBe(
    '[██████                  ]  25 %  50,000 events  5,000 a second  30s left',
  );
  expect(progressLine({ bytes: 0, events: 0 }, 100, 0)).toBe(
    `[${' '.repeat(24)}]   0 %  0 events  0 a second`,
  );
});

test('without a size there is no bar', () => {
  expect(progressLine({ bytes: 25, events: 1 }, null, 1_000)).toBe('1 event  1 a second');
});
