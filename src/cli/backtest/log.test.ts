import { expect, test } from 'vitest';
import { linesOf } from './log.ts';

async function read(chunks: readonly (string | Buffer)[]): Promise<(string | null)[]> {
  async function* source() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const lines: (string | null)[] = [];
  for await (const some of linesOf(source())) lines.push(...some);
  return lines;
}

test('lines are the same wherever the stream was cut', async () => {
  for (const chunks of [['a\n\nbb\nc'], ['a', '\n\nb', 'b\n', 'c'], ['a\n', '\nbb\nc\n']])
    expect(await read(chunks)).toEqual(['a', '', 'bb', 'c']);
  const [sign] = [Buffer.from('é\n')];
  expect(await read([sign.subarray(0, 1), sign.subarray(1)])).toEqual(['é']);
});

test('a mark of byte order is no part of the first line, also where there is no other', async () => {
  expect(await read(['\ufeffa\n\ufeffb'])).toEqual(['a', '\ufeffb']);
  expect(await read(['\ufeffa'])).toEqual(['a']);
});

test('a line too long to be an event is not kept, and the next one is whole', async () => {
  const megabyte = 'x'.repeat(1024 * 1024);
  expect(await read(['a\n', megabyte, 'x', 'rest\nb\n'])).toEqual(['a', null, 'b']);
  expect(await read([megabyte, 'x'])).toEqual([null]);
});
