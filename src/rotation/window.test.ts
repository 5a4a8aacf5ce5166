import { expect, test } from 'vitest';
import { isTimeZone, parseWindow } from './window.ts';

test.each([
  ['Mon-Tue 09:00-16:00 Europe/Berlin', [1, 2], 540, 960, 'Europe/Berlin'],
  ['Mon,Wed 22:00-02:00 UTC', [1, 3], 1320, 120, 'UTC'],
  ['Sat-Mon 00:00-24:00 UTC', [0, 1, 6], 0, 1440, 'UTC'],
  ['mon-wed,fri  08:30-09:15  America/New_York', [1, 2, 3, 5], 510, 555, 'America/New_York'],
  ['Sun 22:00-00:00 UTC', [0], 1320, 0, 'UTC'],
])('reads %s', (text, days, from, to, timeZone) => {
  expect(parseWindow(text)).toEqual({ days, from, to, timeZone });
});

test.each([
  '',
  'Mon',
  'Mon 09:00-16:00',
  '09:00-16:00 UTC',
  'Mo 09:00-16:00 UTC',
  'Mon-Tue-Wed 09:00-16:00 UTC',
  'Mon, 09:00-16:00 UTC',
  'Mon 9:00-16:00 UTC',
  'Mon 09:60-16:00 UTC',
  'Mon 24:00-25:00 UTC',
  'Mon 24:00-02:00 UTC',
  'Mon 22:00-24:30 UTC',
  'Mon 09:00-09:00 UTC',
  'Mon 09:00-16:00 Europe/Berlim',
])('refuses "%s"', (text) => {
  expect(parseWindow(text)).toBeNull();
});

test('knows the names of time zones', () => {
  expect(['UTC', 'Europe/Berlin', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([true, true, false, false]);
});
