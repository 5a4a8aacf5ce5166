import { EdgeError, type Hash, type Mark, Secret } from '../../model/index.ts';
import { type Borne, type Format, NOTHING } from './format.ts';
import { markOn, marksOf, readNotes, writeNotes } from './notes.ts';

/**
 * A file that is the value, byte for byte and nothing else: as Kubernetes and Docker mount secrets, and as most programs
 * read a `…_FILE`. A line's end that a person's editor has left at its end is not part of the value, and goes with the
 * next write. The mark stands in the notes.
 */
export function raw(path: string, hash: Hash): Format {
  const parse = (content: Buffer, notes = NOTHING): Borne => {
    const value = withoutLineEnd(content);
    if (value.length === 0) return { value: null, mark: null };
    return {
      value: Secret.from(value),
      mark: markOn(textOf(value), readNotes(notes), hash.digest),
      outdated: value.length !== content.length,
    };
  };

  const render = (_content: Buffer, value: Secret): Buffer => {
    const bytes = value.bytes();
    if (bytes.length === 0 || withoutLineEnd(bytes).length !== bytes.length) throw valueForm(path);
    return bytes;
  };

  const note = (content: Buffer, value: Secret, mark: Mark, notes = NOTHING): Buffer => {
    const there = parse(content, notes);
    const held = [
      { value: textOf(value.bytes()), mark },
      ...(there.value === null ? [] : [{ value: textOf(there.value.bytes()), mark: there.mark }]),
    ];
    return writeNotes({ marks: marksOf(held, hash.digest), templates: [] });
  };

  return { parse, render, note };
}

/** One character for one byte: a value need not be text. */
function textOf(value: Buffer): string {
  return value.toString('latin1');
}

function withoutLineEnd(content: Buffer): Buffer {
  const end = content.at(-1) === 0x0a ? (content.at(-2) === 0x0d ? 2 : 1) : 0;
  return content.subarray(0, content.length - end);
}

function valueForm(path: string): EdgeError {
  return new EdgeError({
    code: 'value_form',
    verdict: 'permanent',
    message: `the value for ${path} is empty or ends with a line's end, which no reader takes for part of a value`,
  });
}
