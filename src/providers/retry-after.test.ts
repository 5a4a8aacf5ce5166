import { expect, it } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const AT_NINE = 'Thu, 01 Oct 2026 09:00:00 GMT';
const AT_NINE_THIRTY = 'Thu, 01 Oct 2026 09:00:30 GMT';

it.each([
  ['0', 0],
  ['30', 30_000],
  [' 7 ', 7_000],
  [AT_NINE_THIRTY, 30_000],
  ['Thu, 01 Oct 2026 08:00:00 GMT', 0],
  ['99999999999999999999', 3_600_000],
  ['Fri, 01 Oct 2100 09:00:00 GMT', 3_600_000],
  ['', undefined],
  ['soon', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['2026-10-01T09:00:30Z', undefined],
  ['Thu, 99 Oct 2026 09:00:30 GMT', undefined],
])('reads %j as %s ms', (text, expected) => {
  expect(parseRetryAfter({ 'retry-after': text }, NOW)).toBe(expected);
});

it('says nothing where there is no such header', () => {
  expect(parseRetryAfter({}, NOW)).toBe(undefined);
});

it('reads a date against the date of the answer, whatever our clock says', () => {
  const headers = { 'retry-after': AT_NINE_THIRTY, date: AT_NINE };
  expect(parseRetryAfter(headers, NOW + 7_200_000)).toBe(30_000);
  expect(parseRetryAfter({ ...headers, date: 'whenever' }, NOW + 10_000)).toBe(20_000);
});

it('reads retry_after too, and waits for the longer of the two', () => {
  expect(parseRetryAfter({ retry_after: '30' }, NOW)).toBe(30_000);
  expect(parseRetryAfter({ retry_after: 'soon' }, NOW)).toBe(undefined);
  expect(parseRetryAfter({ 'retry-after': '5', retry_after: '30' }, NOW)).toBe(30_000);
  expect(parseRetryAfter({ 'retry-after': '45', retry_after: '30' }, NOW)).toBe(45_000);
  expect(parseRetryAfter({ 'retry-after': 'soon', retry_after: '30' }, NOW)).toBe(30_000);
});
