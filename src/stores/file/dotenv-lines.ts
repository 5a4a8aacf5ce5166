/*
 * Where things stand in a dotenv file. There is no standard, and the readers differ:
 *
 * - `node` (util.parseEnv, --env-file): a quoted value ends at the next quote of its kind, whatever precedes or
 *   follows it; a value of blanks alone takes the next line for its value.
 * - `dotenv` (the npm package, and much like it sh and systemd): a backslash protects a quote, and what follows
 *   the closing quote may only be a comment, else the quote was none; a name may also end with a colon.
 *
 * In both, a value whose quote never closes ends with its line. The text is Latin-1: one character is one byte.
 */

export type Dialect = 'node' | 'dotenv';

/** One or more whole lines, without the last line's ending. */
export type Statement = {
  readonly start: number;
  readonly end: number;
  readonly kind: 'assignment' | 'comment' | 'other';
  /** Of an assignment: indent and `export`, the variable, and a comment behind the value, each as it stands. */
  readonly head: string;
  readonly name: string;
  readonly tail: string;
};

/** Up to where the value begins. Group 3 is what divides it from the name. */
const ASSIGNMENT: Readonly<Record<Dialect, RegExp>> = {
  node: /([ \t]*(?:export [ \t]*)?)([^ \t\r\n\v\f=#][^=\n]*)(=)(?:(?!\r*\n)[ \t\r\n\v\f]*)?/y,
  dotenv: /([ \t]*(?:export[ \t]+)?)([\w.-]+)([ \t]*=|:(?=[ \t]))(?:[ \t\r\n]*(?=["'`])|[ \t]*)/y,
};

/** The statements of `text` in order, from `start` on. */
export function* statements(text: string, start: number, dialect: Dialect): Generator<Statement> {
  for (let at = start; at < text.length; ) {
    const found = statementAt(text, at, dialect);
    yield found;
    at = text.indexOf('\n', found.end) + 1;
    if (at === 0) return;
  }
}

function statementAt(text: string, start: number, dialect: Dialect): Statement {
  const pattern = ASSIGNMENT[dialect];
  pattern.lastIndex = start;
  const match = pattern.exec(text);
  if (match === null) {
    const end = lineEnd(text, start);
    const kind = /^[ \t]*#/.test(text.slice(start, end)) ? 'comment' : 'other';
    return { start, end, kind, head: '', name: '', tail: '' };
  }
  const [all, head = '', name = '', divider = ''] = match;
  const assignment = { start, kind: 'assignment', head, name: name.trimEnd() } as const;
  const value = start + all.length;
  const close = closingQuote(text, value, dialect);
  const end = lineEnd(text, close ?? value);
  const tail =
    close === null
      ? commentIn(text.slice(start + head.length + name.length + divider.length, end))
      : (/^[ \t]+#.*/.exec(text.slice(close + 1, end))?.[0] ?? '');
  return { ...assignment, end, tail };
}

/** The comment behind an unquoted value, with the blanks before it: from a `#` that follows a blank. */
function commentIn(value: string): string {
  for (let hash = value.indexOf('#'); hash !== -1; hash = value.indexOf('#', hash + 1)) {
    let blank = hash;
    while (blank > 0 && (value[blank - 1] === ' ' || value[blank - 1] === '\t')) blank -= 1;
    if (blank < hash) return value.slice(blank);
  }
  return '';
}

/** Where the line ends, its ending excluded. */
function lineEnd(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  const end = newline === -1 ? text.length : newline;
  return end > from && text[end - 1] === '\r' ? end - 1 : end;
}

/** Where the quote at `open` is closed; null where none is, it never is, or it does not count as one. */
function closingQuote(text: string, open: number, dialect: Dialect): number | null {
  const quote = text[open] ?? '';
  if (!['"', "'", '`'].includes(quote)) return null;
  let close = text.indexOf(quote, open + 1);
  while (dialect === 'dotenv' && close !== -1 && text[close - 1] === '\\')
    close = text.indexOf(quote, close + 1);
  if (close === -1) return null;
  if (dialect === 'node') return close;
  return /^[ \t]*(#.*)?$/.test(text.slice(close + 1, lineEnd(text, close))) ? close : null;
}
