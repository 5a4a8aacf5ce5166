import { EdgeError } from '../../model/index.ts';

/*
 * Where things stand in the text of a JSON document (RFC 8259), so that one member can be changed and every other byte
 * stays: JSON.parse and JSON.stringify would round long numbers, and reorder and reindent what belongs to others.
 */

/** An object's text, from `{` to behind `}`. */
export type ObjectText = {
  readonly start: number;
  readonly end: number;
  readonly members: readonly MemberText[];
};

/** One `"name": value` of an object. */
export type MemberText = {
  readonly name: string;
  readonly start: number;
  /** Behind the name's closing quote. */
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Null where the value is no object. */
  readonly object: ObjectText | null;
};

/** Deeper than any file of settings, and safe for what recurses over it. */
const MAX_DEPTH = 100;

const BLANKS = /[ \t\r\n]*/y;
const SCALAR = /[^,\]} \t\r\n]*/y;

/**
 * The object that `text` is.
 *
 * @throws {EdgeError} permanent: `not_json`, `not_an_object`, or `ambiguous_file` where an object names a member twice:
 * readers disagree on which one counts (RFC 8259, section 4). `path` names the file; nothing of it is quoted.
 */
export function readObject(text: string, path: string): ObjectText {
  if (!isJson(text)) throw refused(path, 'not_json', 'is not valid JSON; mend it');
  const start = skipBlanks(text, 0);
  if (text[start] !== '{') throw refused(path, 'not_an_object', 'holds JSON that is no object: { … }');
  return objectAt(text, start, { path, depth: 1 });
}

type Reading = { readonly path: string; readonly depth: number };

function objectAt(text: string, start: number, reading: Reading): ObjectText {
  const members: MemberText[] = [];
  const names = new Set<string>();
  let at = skipBlanks(text, start + 1);
  while (text[at] !== '}') {
    const member = memberAt(text, at, reading);
    if (names.has(member.name)) {
      const line = text.slice(0, at).split('\n').length;
      throw refused(
        reading.path,
        'ambiguous_file',
        `names a member twice in one object (line ${line}); remove one`,
      );
    }
    names.add(member.name);
    members.push(member);
    at = nextItem(text, member.valueEnd);
  }
  return { start, end: at + 1, members };
}

function memberAt(text: string, start: number, reading: Reading): MemberText {
  const nameEnd = stringEnd(text, start);
  const valueStart = skipBlanks(text, skipBlanks(text, nameEnd) + 1);
  const { end: valueEnd, object } = valueAt(text, valueStart, reading);
  return { name: JSON.parse(text.slice(start, nameEnd)), start, nameEnd, valueStart, valueEnd, object };
}

function valueAt(
  text: string,
  start: number,
  { path, depth }: Reading,
): { readonly end: number; readonly object: ObjectText | null } {
  const first = text[start];
  if (first === '"') return { end: stringEnd(text, start), object: null };
  if (first !== '{' && first !== '[') return { end: matchEnd(SCALAR, text, start), object: null };
  if (depth === MAX_DEPTH) throw refused(path, 'too_deep', `nests deeper than ${MAX_DEPTH} levels`);
  const inner = { path, depth: depth + 1 };
  if (first === '{') {
    const object = objectAt(text, start, inner);
    return { end: object.end, object };
  }
  let at = skipBlanks(text, start + 1);
  while (text[at] !== ']') at = nextItem(text, valueAt(text, at, inner).end);
  return { end: at + 1, object: null };
}

/** Where the next item begins, or the end of what holds it. */
function nextItem(text: string, itemEnd: number): number {
  const at = skipBlanks(text, itemEnd);
  return text[at] === ',' ? skipBlanks(text, at + 1) : at;
}

/** Behind the closing quote of the string at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipBlanks(text: string, from: number): number {
  return matchEnd(BLANKS, text, from);
}

function matchEnd(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  pattern.test(text);
  return Math.max(from, pattern.lastIndex);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function refused(path: string, code: string, why: string): EdgeError {
  return new EdgeError({ code, verdict: 'permanent', message: `${path} ${why}` });
}

/**
 * The text with `value` (JSON text) as the member `name` of `object`: in its place where it stands, else right behind the
 * member `after`, else at the object's end, laid out as its neighbours are.
 */
export function setMember(
  text: string,
  object: ObjectText,
  name: string,
  value: string,
  { after, unit }: { readonly after?: string; readonly unit: string },
): string {
  const { members } = object;
  const own = members.find((member) => member.name === name);
  if (own !== undefined) return splice(text, own.valueStart, own.valueEnd, value);
  const [first] = members;
  if (first === undefined) return fillEmpty(text, object, `${JSON.stringify(name)}: ${value}`, unit);
  const colon = text.slice(first.nameEnd, first.valueStart);
  const lead = text.slice(object.start + 1, first.start);
  const gap = lead.includes('\n') ? lead : /\s/.test(colon) ? ' ' : '';
  const at = (members.find((member) => member.name === after) ?? members.at(-1) ?? first).valueEnd;
  return splice(text, at, at, `,${gap}${JSON.stringify(name)}${colon}${value}`);
}

/** In lines of their own, one level deeper than the line on which the object begins. */
function fillEmpty(text: string, { start, end }: ObjectText, member: string, unit: string): string {
  const ending = text.includes('\r\n') ? '\r\n' : '\n';
  const indent = /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', start) + 1))?.[0] ?? '';
  return splice(text, start, end, `{${ending}${indent}${unit}${member}${ending}${indent}}`);
}

function splice(text: string, from: number, to: number, put: string): string {
  return text.slice(0, from) + put + text.slice(to);
}

/** One level of the document's indentation: that of its first member, else two blanks. */
export function indentUnit(text: string, { start, members: [first] }: ObjectText): string {
  const lead = first === undefined ? '' : text.slice(start + 1, first.start);
  return /\n([ \t]+)$/.exec(lead)?.[1] ?? '  ';
}
