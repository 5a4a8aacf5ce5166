/** A line of a file; the text is null where it is longer than any that could be meant. */
export type Line = { readonly number: number; readonly text: string | null };

const NEWLINE = 0x0a;

/**
 * The lines of a stream, in bounded memory whatever stands in it: a line of more than `longest` bytes is not kept.
 * A line break at the end is no line of its own; `\r\n` counts as one.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, longest: number): AsyncGenerator<Line> {
  let number = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer) => {
    length += piece.length;
    if (length <= longest) parts.push(piece);
    else parts = [];
  };
  const whole = (): Line => {
    const text = length <= longest ? Buffer.concat(parts).toString('utf8').replace(/\r$/, '') : null;
    const line = { number, text };
    [parts, length, number] = [[], 0, number + 1];
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      yield whole();
      from = at + 1;
    }
    if (from < chunk.length) take(chunk.subarray(from));
  }
  if (length > 0) yield whole();
}
