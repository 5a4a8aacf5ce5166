import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { EdgeError, type Hash, type Mark, type Secret } from '../../model/index.ts';
import { assertText, type Fields, isFields, markField, readMarked, withMarked } from '../marked-fields.ts';
import type { Borne, Format } from './format.ts';
import { indentUnit, type ObjectText, readObject, setMember } from './json-text.ts';

const BOM = '\uFEFF';

export type Place = { readonly path: string; readonly field: string };

/**
 * One string member of a JSON object, its mark in the member beside it (see marked-fields.ts).
 *
 * - `field` is a path of names divided by dots: `api_key`, `frameflow.apiKey`. Objects that are missing on the way are
 *   made. A member whose own name holds a dot cannot be named.
 * - Only the two members are touched: every other byte stays, and a new member is laid out as its neighbours are.
 * - What was rendered is proven by JSON.parse: nothing but the two has changed.
 */
export function json(place: Place, hash: Hash): Format {
  const { path } = place;
  const names = place.field.split('.');
  const leaf = names.at(-1) ?? '';
  const way = names.slice(0, -1);

  const parse = (content: Buffer): Borne => {
    const { fields } = documentOf(content, path);
    return readMarked(holderIn(fields, way, place) ?? {}, leaf, path, hash.digest);
  };

  const render = (content: Buffer, value: Secret, mark: Mark): Buffer => {
    assertText(value);
    const { text, bom, fields } = documentOf(content, path);
    const holder = holderIn(fields, way, place) ?? {};
    readMarked(holder, leaf, path, hash.digest);
    const marked = withMarked(holder, leaf, value, mark, hash.digest);
    const note = markField(leaf);
    const valued = put(text, [...way, leaf], JSON.stringify(marked[leaf]), path);
    const rendered = put(valued, [...way, note], JSON.stringify(marked[note]), path, leaf);
    if (!isDeepStrictEqual(JSON.parse(rendered), withHolder(fields, way, marked))) throw misread(place);
    return Buffer.from(bom + rendered);
  };

  return { parse, render };
}

type Document = { readonly text: string; readonly bom: string; readonly fields: Fields };

/** An empty or missing file is an object without members. */
function documentOf(content: Buffer, path: string): Document {
  if (!isUtf8(content)) {
    throw new EdgeError({
      code: 'not_text',
      verdict: 'permanent',
      message: `${path} is not UTF-8, as JSON must be (RFC 8259); save it as UTF-8`,
    });
  }
  const whole = content.toString();
  const bom = whole.startsWith(BOM) ? BOM : '';
  const text = whole.slice(bom.length).trim() === '' ? '{}\n' : whole.slice(bom.length);
  readObject(text, path);
  return { text, bom, fields: JSON.parse(text) };
}

/** The object at the end of the `way`; null where it is not there yet. */
function holderIn(fields: Fields, way: readonly string[], place: Place): Fields | null {
  let at: unknown = fields;
  for (const name of way) {
    const held: unknown = isFields(at) && Object.hasOwn(at, name) ? at[name] : undefined;
    if (held === undefined || held === null) return null;
    if (!isFields(held)) throw notAnObject(place);
    at = held;
  }
  return at as Fields;
}

function withHolder(fields: Fields, [name, ...rest]: readonly string[], holder: Fields): Fields {
  if (name === undefined) return holder;
  const held = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return { ...fields, [name]: withHolder(isFields(held) ? held : {}, rest, holder) };
}

/** Puts `value` (JSON text) at the end of `names`, and objects in place of what is missing on the way. */
function put(text: string, names: readonly string[], value: string, path: string, after?: string): string {
  let rendered = text;
  for (let depth = 1; depth <= names.length; depth += 1) {
    const root = readObject(rendered, path);
    const holder = descend(root, names.slice(0, depth - 1));
    const name = names[depth - 1] ?? '';
    const last = depth === names.length;
    const there = holder?.members.find((member) => member.name === name);
    if (holder === null || (!last && there?.object)) continue;
    rendered = setMember(rendered, holder, name, last ? value : '{}', {
      unit: indentUnit(rendered, root),
      ...(last && after !== undefined ? { after } : {}),
    });
  }
  return rendered;
}

function descend(root: ObjectText, names: readonly string[]): ObjectText | null {
  let at: ObjectText | null = root;
  for (const name of names) at = at?.members.find((member) => member.name === name)?.object ?? null;
  return at;
}

function notAnObject({ path, field }: Place): EdgeError {
  return new EdgeError({
    code: 'not_an_object',
    verdict: 'permanent',
    message: `something on the way to ${field} in ${path} is no object; remove it, or choose another field`,
  });
}

function misread({ path, field }: Place): EdgeError {
  return new EdgeError({
    code: 'ambiguous_file',
    verdict: 'permanent',
    message: `${field} cannot be written to ${path} without changing something else in it; lay that file out anew`,
  });
}
