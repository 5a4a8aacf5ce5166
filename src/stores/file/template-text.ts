/*
 * The text of a template: literal text around places, `{{name}}` or `{{ name }}`, where names are those of credentials.
 * There is no escape, no condition and no filter: a file that needs more is made by another tool, from a raw file.
 *
 * What was rendered is read back by the literal text: a value never spans lines, so that a place ends where its line
 * does or where the text behind it begins.
 */

/** `literals` has one part more than `places`: what stands before, between and behind them. */
export type Template = { readonly literals: readonly string[]; readonly places: readonly TemplatePlace[] };

/** One `{{name}}`; lines and columns count from 1. */
export type TemplatePlace = { readonly name: string; readonly line: number; readonly column: number };

const PLACE = /\{\{([^{}\r\n]*)\}\}/g;

export function parseTemplate(text: string): Template {
  const literals: string[] = [];
  const places: TemplatePlace[] = [];
  let end = 0;
  for (const { 0: whole, 1: name = '', index } of text.matchAll(PLACE)) {
    literals.push(text.slice(end, index));
    const before = text.slice(0, index);
    const line = before.split('\n').length;
    places.push({ name: name.trim(), line, column: index - before.lastIndexOf('\n') });
    end = index + whole.length;
  }
  return { literals: [...literals, text.slice(end)], places };
}

/** The places that follow another one at once: where the value of the first ends could not be told. */
export function adjoining({ literals, places }: Template): readonly TemplatePlace[] {
  return places.filter((_, index) => index > 0 && literals[index] === '');
}

/** The template with `values` in their places; a place without a value stays empty. */
export function renderTemplate({ literals, places }: Template, values: ReadonlyMap<string, string>): string {
  return literals
    .map((literal, index) => {
      const place = places[index];
      return literal + (place === undefined ? '' : (values.get(place.name) ?? ''));
    })
    .join('');
}

/**
 * What stands in each place of `text`, in order; null where it is not this template's text, and `ambiguous` where it
 * could be so in two ways.
 */
export function splitByTemplate(text: string, template: Template): readonly string[] | 'ambiguous' | null {
  const first = splitFrom(text, template, 'start');
  if (first === null) return null;
  // The leftmost and the rightmost way are one: there is no other between them.
  const last = splitFrom(text, template, 'end');
  return first.every((value, index) => value === last?.[index]) ? first : 'ambiguous';
}

/**
 * The split with every place as far to the one side as it goes. Nothing need be tried twice: a literal that is found
 * nearer leaves no less room for those behind it, since no value spans a line.
 */
function splitFrom(text: string, { literals }: Template, side: 'start' | 'end'): string[] | null {
  const [head = '', tail = ''] = [literals.at(0), literals.at(-1)];
  if (literals.length === 1) return text === head ? [] : null;
  const limit = text.length - tail.length;
  if (!text.startsWith(head) || !text.endsWith(tail) || limit < head.length) return null;
  const inner = literals.slice(1, -1);
  const values: string[] = [];
  let [from, to] = [head.length, limit];
  for (const literal of side === 'start' ? inner : inner.toReversed()) {
    const at =
      side === 'start' ? text.indexOf(literal, from) : text.lastIndexOf(literal, to - literal.length);
    if (at < from || at + literal.length > to) return null;
    values.push(side === 'start' ? text.slice(from, at) : text.slice(at + literal.length, to));
    if (side === 'start') from = at + literal.length;
    else to = at;
  }
  values.push(text.slice(from, to));
  const ordered = side === 'start' ? values : values.toReversed();
  return ordered.some((value) => /[\r\n]/.test(value)) ? null : ordered;
}
