import { expect, test } from 'vitest';
import { type Line, linesOf } from './lines.ts';

async function gathered(source: AsyncIterable<Buffer>, longest: number): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of linesOf(source, longest)) lines.push(line);
  return lines;
}

async function read(chunks: readonly string[], longest = 8): Promise<Line[]> {
  async function* source() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  return gathered(source(), longest);
}

const texts = async (chunks: readonly string[]) => (await read(chunks)).map(({ text }) => text);

test('lines are numbered, wherever the stream was cut', async () => {
  for (const chunks of [['a\nbb\nc'], ['a', '\nb', 'b\n', 'c'], ['a\n', 'bb\nc\n']]) {
    expect(await read(chunks)).toEqual([
      { number: 1, text: 'a' },
      { number: 2, text: 'bb' },
      { number: 3, text: 'c' },
    ]);
  }
});

test('a line ends with a line feed, before which there may be a carriage return', async () => {
  expect(await texts(['a\r\n\r\nb\r'])).toEqual(['a', '', 'b']);
  expect(await texts([])).toEqual([]);
  expect(await texts(['\n'])).toEqual(['']);
});

test('a sign of several bytes may be cut in two', async () => {
  async function* source() {
    const bytes = Buffer.from('é\n');
    yield bytes.subarray(0, 1);
    yield bytes.subarray(1);
  }
  expect(await gathered(source(), 8)).toEqual([{ number: 1, text: 'é' }]);
});

test('a line that is too long is not kept, and the next one is whole', async () => {
  expect(await texts(['12345678\n123456789\n1'])).toEqual(['12345678', null, '1']);
  expect(await texts(['12345', '6789', '0\n1'])).toEqual([null, '1']);
});
