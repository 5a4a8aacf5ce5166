import { expect, test } from 'vitest';
import { outputOf, Tail } from './output.ts';

function tail(...chunks: ReadonlyArray<string | Buffer>): Tail {
  const made = new Tail();
  for (const chunk of chunks) made.add(Buffer.from(chunk));
  return made;
}

const none = tail();

test('standard output comes first, then standard error, and the last lines are those of standard error', () => {
  const output = outputOf(tail('starting\n', 'half\n'), tail('\n  no such \t unit  \n\nbye\n'));
  expect(output).toEqual({
    whole: 'starting\nhalf\nno such \t unit  \n\nbye',
    lastLines: 'no such unit | bye',
  });
});

test('the last lines are those of standard output where standard error is silent', () => {
  expect(outputOf(tail('one\r\ntwo\rthree\nfour\n'), none).lastLines).toBe('two | three | four');
  expect(outputOf(none, tail(' \n'))).toEqual({ whole: '', lastLines: '' });
});

test('of a flood the last 4 KB are kept, in whole lines', () => {
  const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index}\n`);
  const { whole, lastLines } = outputOf(tail(...lines), none);
  expect(Buffer.byteLength(whole)).toBeLessThanOrEqual(4096);
  expect(Buffer.byteLength(whole)).toBeGreaterThan(4000);
  expect(lastLines).toBe('line 4997 | line 4998 | line 4999');
});

test('one chunk that is larger than all that is kept counts like many', () => {
  const { whole } = outputOf(tail(`${'x y\n'.repeat(100_000)}end`), none);
  expect(Buffer.byteLength(whole)).toBeLessThanOrEqual(4096);
  expect(whole).toMatch(/x y\nend$/);
});

test('both streams together are 4 KB', () => {
  const { whole } = outputOf(tail('out out\n'.repeat(600)), tail('err err\n'.repeat(600)));
  expect(Buffer.byteLength(whole)).toBeLessThanOrEqual(4096);
  expect(whole).toMatch(/err err$/);
});

test('characters of several bytes are whole, however the chunks were cut', () => {
  const bytes = Buffer.from('größer ✓\n');
  const { whole } = outputOf(tail(...Array.from(bytes, (byte) => Buffer.from([byte]))), none);
  expect(whole).toBe('größer ✓');
  expect(outputOf(tail('✓✓\n'.repeat(3_000)), none).whole).not.toContain('\ufffd');
});

test('a secret that came in pieces, in colours or with unseen characters within is redacted', () => {
  for (const pieces of [
    ['key ff_li', 've_8x9', 'A2b end'],
    ['key ff_live_\u001b[31m8x9A2b\u001b[0m end'],
    ['key ff_\u0000live_8x\u200b9A2b end'],
    ['key f\u001b[1mf_live_8x9A2b end'],
  ]) {
    expect(outputOf(tail(...pieces), none).whole).toBe('key [redacted] end');
  }
});

test('the rest of a secret whose beginning was cut off is not shown', () => {
  const { whole } = outputOf(tail(`password=${'hunter2 '.repeat(10)}`, `${'-'.repeat(8_100)}\nend`), none);
  expect(whole).toBe('end');
  expect(outputOf(tail('secret words '.repeat(1_000)), none).whole).toBe('');
});

test('a long last line is shown by its end', () => {
  const { lastLines } = outputOf(none, tail(`${'word '.repeat(300)}end`));
  expect(lastLines).toHaveLength(500);
  expect(lastLines).toMatch(/^….*word end$/);
});

test('no control character passes', () => {
  const { whole, lastLines } = outputOf(tail('a\u0007b\u202ec\u2028d\u009be\u001b]0;title'), none);
  expect(whole + lastLines).toMatch(/^[\x20-\x7e]*$/);
});
