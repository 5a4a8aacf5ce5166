import { basename, dirname, join } from 'node:path';
import type { Hash, Mark } from '../../model/index.ts';
import { isFields, markFrom, markNote } from '../marked-fields.ts';

/*
 * What Keywarden has to say about a file that cannot say it itself: `.NAME.keywarden` beside `NAME`, mode 600. It holds
 * marks and templates, never a value. Each mark is tied to its value by a digest, so that notes which are older or
 * newer than the file, after a crash or a hand that changed it, claim nothing that is not so.
 */

export type Notes = {
  /** As texts; see `markNote`. */
  readonly marks: readonly string[];
  /** What the file was rendered from, the newest first, each with the digest of what came of it. */
  readonly templates: ReadonlyArray<{ readonly text: string; readonly digest: string }>;
};

type Digest = Hash['digest'];

const NONE: Notes = { marks: [], templates: [] };

/** Where the notes on the file at `path` stand. */
export function notesPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.keywarden`);
}

/** Notes that are missing or damaged are none. */
export function readNotes(content: Buffer): Notes {
  try {
    const { keywarden, marks, templates }: Record<string, unknown> = Object(JSON.parse(content.toString()));
    if (keywarden !== 1 || !Array.isArray(marks) || !Array.isArray(templates)) return NONE;
    if (!marks.every(isFields) || !templates.every(isTemplate)) return NONE;
    return {
      marks: marks.map((mark) => JSON.stringify(mark)),
      templates: templates.map(({ text, digest }) => ({ text, digest })),
    };
  } catch {
    return NONE;
  }
}

function isTemplate(value: unknown): value is Notes['templates'][number] {
  return isFields(value) && typeof value.text === 'string' && typeof value.digest === 'string';
}

export function writeNotes({ marks, templates }: Notes): Buffer {
  const notes = {
    keywarden: 1,
    marks: marks.map((mark) => JSON.parse(mark)),
    templates: [...templates],
  };
  return Buffer.from(`${JSON.stringify(notes, null, 2)}\n`);
}

/** The mark that speaks of this very `value`; where several do, that of `credential`. */
export function markOn(value: string, { marks }: Notes, digest: Digest, credential?: string): Mark | null {
  const found = marks.map((note) => markFrom(note, value, digest)).filter((mark) => mark !== null);
  return found.find((mark) => mark.credential === credential) ?? found[0] ?? null;
}

/** The marks of what is about to stand in the file and of what stands there, each once. */
export function marksOf(
  held: ReadonlyArray<{ readonly value: string; readonly mark: Mark | null }>,
  digest: Digest,
): string[] {
  const marks = held.flatMap(({ value, mark }) => (mark === null ? [] : [markNote(value, mark, digest)]));
  return [...new Set(marks)];
}
