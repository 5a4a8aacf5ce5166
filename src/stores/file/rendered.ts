import { isUtf8 } from 'node:buffer';
import { EdgeError, type Hash, type Mark } from '../../model/index.ts';
import { markOn, type Notes } from './notes.ts';
import { parseTemplate, splitByTemplate } from './template-text.ts';

/** A file that was rendered, as it stands: who has what in it, and by which template that was found. */
export type Rendered = {
  /** Null where there is no file yet. */
  readonly template: string | null;
  /** By the names in the places; an empty value: none yet. */
  readonly held: ReadonlyMap<string, Held>;
};

export type Held = { readonly value: string; readonly mark: Mark | null };

export const NOT_HELD: Held = { value: '', mark: null };

/**
 * Splits `content` by the template that it was rendered from: the one in the notes whose rendering it is to the letter,
 * else, since a person may have changed a value, the first whose text stands around the places; `present` is the last.
 *
 * @throws {EdgeError} permanent: `not_rendered` where it is none's, `ambiguous_file` where values cannot be told apart
 */
export function readRendered(
  content: Buffer,
  notes: Notes,
  file: { readonly path: string; readonly present: string | null; readonly hash: Hash },
): Rendered {
  if (content.length === 0) return { template: null, held: new Map() };
  const text = isUtf8(content) ? content.toString() : null;
  const digest = text === null ? '' : renderingDigest(text, file.hash);
  const exact = notes.templates.filter((each) => each.digest === digest);
  const candidates = [...exact, ...notes.templates].map((each) => each.text);
  let ambiguous = false;
  for (const template of [...candidates, ...(file.present === null ? [] : [file.present])]) {
    const values = text === null ? null : splitByTemplate(text, parseTemplate(template));
    if (values === 'ambiguous') ambiguous = true;
    else if (values !== null) return { template, held: heldBy(template, values, notes, file.hash) };
  }
  throw ambiguous ? ambiguousFile(file.path) : notRendered(file.path);
}

/** What the notes keep of a rendering, to know it again. */
export function renderingDigest(text: string, { digest }: Hash): string {
  return digest(text).slice(0, 32);
}

/** One name may stand in several places: where those differ, somebody has changed one by hand, and that one counts. */
function heldBy(
  template: string,
  values: readonly string[],
  notes: Notes,
  { digest }: Hash,
): ReadonlyMap<string, Held> {
  const held = new Map<string, Held>();
  for (const [index, { name }] of parseTemplate(template).places.entries()) {
    const value = values[index] ?? '';
    const known = held.get(name);
    const mark = value === '' ? null : markOn(value, notes, digest, name);
    if (known === undefined || (known.value !== value && mark === null)) held.set(name, { value, mark });
  }
  return held;
}

function notRendered(path: string): EdgeError {
  return new EdgeError({
    code: 'not_rendered',
    verdict: 'permanent',
    message:
      `the text of ${path} around the values is not its template's, so that the values in it cannot be told; ` +
      'make the change in the template and put the file back, or move the file away: it is written anew',
  });
}

function ambiguousFile(path: string): EdgeError {
  return new EdgeError({
    code: 'ambiguous_file',
    verdict: 'permanent',
    message: `where one value in ${path} ends and the next begins cannot be told; put other text between their places`,
  });
}
