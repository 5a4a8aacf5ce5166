import { expect, test } from 'vitest';
import { parsePid } from './pid.ts';

const read = (text: string) => parsePid(Buffer.from(text), 4711);

test.each([
  ['812\n', 812],
  ['  812\r\n\n', 812],
  ['2', 2],
  ['0000812', 812],
  ['2147483647', 2147483647],
])('%j is process %i', (text, pid) => {
  expect(read(text)).toEqual({ pid, problem: null });
});

test.each([
  ['', /^empty$/],
  [' \n', /^empty$/],
  ['0\n', /holds 0/],
  ['00', /holds 0/],
  ['1\n', /holds 1,/],
  ['01', /holds 1,/],
  ['-1', /negative/],
  ['-812', /negative/],
  ['4711', /own process id/],
  ['4711\n', /own process id/],
  ['2147483648', /no process id/],
  ['4294967297', /no process id/],
  ['9'.repeat(64), /no process id/],
  ['812 813', /one number/],
  ['812\n813', /one number/],
  ['0x32c', /one number/],
  ['8e2', /one number/],
  ['812.5', /one number/],
  ['+812', /one number/],
  ['٣٢', /one number/],
  ['812\0', /one number/],
  [`812${' '.repeat(62)}`, /longer than 64 bytes/],
])('%j names no process that could be signalled', (text, problem) => {
  expect(read(text)).toEqual({ pid: null, problem: expect.stringMatching(problem) });
});

test('what the file holds is not quoted: it may be any file', () => {
  expect(JSON.stringify(read('ff_live_planted'))).not.toContain('planted');
});
