import { isDeepStrictEqual, parseEnv } from 'node:util';
import { EdgeError, type Hash, type Mark, Secret } from '../../model/index.ts';
import { type Dialect, type Statement, statements } from './dotenv-lines.ts';
import type { Borne, Format } from './format.ts';
import { isMarkLine, readMark, writeMark } from './mark-line.ts';

/** Means the same unquoted to Node, sh, the dotenv package, Docker and systemd; no quoting does. */
const PLAIN = /^[A-Za-z0-9._+/=:@,-]+$/;

const BOM = '\xEF\xBB\xBF';

export type Place = { readonly path: string; readonly variable: string };

type Own = { readonly assignments: readonly Statement[]; readonly marks: readonly Statement[] };

/**
 * One variable of a dotenv file.
 *
 * - The value is written plain, `NAME=value`; indent, `export` and a comment on its line stay.
 * - Where the variable stands twice, both lines get the value: readers agree that the last one wins, people
 *   who look at the first one need not know that.
 * - The content is handled byte by byte (as Latin-1), so that whatever encoding the rest has survives.
 * - Where readers disagree on where the variable stands, the file is refused rather than guessed at, and what was
 *   rendered is proven by Node's own parser: nothing but the variable has changed.
 */
export function dotenv(place: Place, hash: Hash): Format {
  const { variable } = place;
  const checkOf = (value: string) => hash.digest(value).slice(0, 16);

  const parse = (content: Buffer): Borne => {
    const text = textOf(content, place);
    const { assignments, marks } = locate(text, place);
    const value = nodeEnv(text)[variable];
    if ((value === undefined) !== (assignments.length === 0)) throw ambiguous(place);
    if (value === undefined || value === '') return { value: null, mark: null };
    const line = marks.at(-1);
    const found = line === undefined ? null : readMark(text.slice(line.start, line.end), variable);
    return {
      value: Secret.from(Buffer.from(value, 'latin1')),
      mark: found?.check === checkOf(value) ? found.mark : null,
    };
  };

  const render = (content: Buffer, value: Secret, mark: Mark): Buffer => {
    const plain = value.reveal();
    if (!PLAIN.test(plain)) throw valueForm(place);
    const text = textOf(content, place);
    const own = locate(text, place);
    const rendered = edit(text, own, `${variable}=${plain}`, writeMark(variable, mark, checkOf(plain)));
    prove(text, rendered, place, plain);
    return Buffer.from(rendered, 'latin1');
  };

  return { parse, render };
}

function textOf(content: Buffer, { path }: Place): string {
  if (!content.includes(0)) return content.toString('latin1');
  throw new EdgeError({
    code: 'not_text',
    verdict: 'permanent',
    message: `${path} holds zero bytes (UTF-16?) and is no dotenv file; save it as UTF-8`,
  });
}

const bodyStart = (text: string) => (text.startsWith(BOM) ? BOM.length : 0);

/** The lines that are ours, where all dialects agree on them. */
function locate(text: string, place: Place): Own {
  const own = ownIn(text, place.variable, 'node');
  const continued = [...own.assignments, ...own.marks].some(
    ({ start, end }) => /\\\r?\n$/.test(text.slice(Math.max(0, start - 3), start)) || text[end - 1] === '\\',
  );
  if (continued || !isDeepStrictEqual(own, ownIn(text, place.variable, 'dotenv'))) throw ambiguous(place);
  return own;
}

function ownIn(text: string, variable: string, dialect: Dialect): Own {
  const assignments: Statement[] = [];
  const marks: Statement[] = [];
  for (const statement of statements(text, bodyStart(text), dialect)) {
    if (statement.name === variable) assignments.push(statement);
    if (statement.kind === 'comment' && isMarkLine(text.slice(statement.start, statement.end), variable)) {
      marks.push(statement);
    }
  }
  return { assignments, marks };
}

/** Ours replaced where they stand, a surplus mark dropped, and what is missing put at the file's end. */
function edit(text: string, { assignments, marks }: Own, assignment: string, mark: string): string {
  const last = marks.at(-1);
  const parts: string[] = [];
  let at = 0;
  for (const own of [...assignments, ...marks].toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(at, own.start));
    at = own.end;
    if (own.kind === 'assignment') parts.push(own.head, assignment, own.tail);
    else if (own === last) parts.push(mark);
    else at = text.indexOf('\n', own.end) + 1;
  }
  parts.push(text.slice(at));
  const missing = [...(assignments.length === 0 ? [assignment] : []), ...(last === undefined ? [mark] : [])];
  return append(parts.join(''), missing);
}

/** In the file's own line ending, with a final one only where it had one. */
function append(text: string, lines: readonly string[]): string {
  if (lines.length === 0) return text;
  const ending = /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n';
  const added = lines.join(ending);
  if (text.slice(bodyStart(text)) === '') return `${text}${added}${ending}`;
  const last = text.endsWith('\r\n') ? 2 : text.endsWith('\n') ? 1 : 0;
  const body = text.slice(0, text.length - last);
  // To sh and systemd a backslash joins the next line to its own: an empty one takes the harm.
  const gap = body.endsWith('\\') ? ending : '';
  return `${body}${last > 0 ? text.slice(-last) : ending}${gap}${added}${last > 0 ? ending : ''}`;
}

/** What Node reads. It leaves `export` in the name where the value is empty; here it is taken off. */
function nodeEnv(text: string): Record<string, string | undefined> {
  const pairs = Object.entries(parseEnv(text.slice(bodyStart(text))));
  const exported = pairs.filter(([name]) => name.startsWith('export '));
  return Object.fromEntries([
    ...exported.map(([name, value]) => [name.slice('export '.length).trimStart(), value] as const),
    ...pairs.filter((pair) => !exported.includes(pair)),
  ]);
}

/** Throws unless Node reads `value` from what was rendered, and everything else as before. */
function prove(before: string, after: string, place: Place, value: string): void {
  const wanted = { ...nodeEnv(before), [place.variable]: value };
  if (!isDeepStrictEqual(nodeEnv(after), wanted)) throw ambiguous(place);
}

function ambiguous({ path, variable }: Place): EdgeError {
  return new EdgeError({
    code: 'ambiguous_file',
    verdict: 'permanent',
    message:
      `readers of ${path} disagree on where ${variable} stands: an open quote, a backslash at a line's end ` +
      'or a value of blanks beside it; mend that line',
  });
}

function valueForm({ path, variable }: Place): EdgeError {
  return new EdgeError({
    code: 'value_form',
    verdict: 'permanent',
    message:
      `the value for ${variable} in ${path} holds characters beyond A-Z a-z 0-9 . _ + / = : @ , - (or none at all): ` +
      'in a dotenv file no quoting of them means the same to Node, sh and Docker; publish it in another way',
  });
}
