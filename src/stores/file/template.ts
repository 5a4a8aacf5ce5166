import { isUtf8 } from 'node:buffer';
import { EdgeError, type Hash, type Mark, Secret } from '../../model/index.ts';
import { type Borne, type Format, NOTHING } from './format.ts';
import { marksOf, readNotes, writeNotes } from './notes.ts';
import { NOT_HELD, type Rendered, readRendered, renderingDigest } from './rendered.ts';
import { adjoining, parseTemplate, renderTemplate, splitByTemplate } from './template-text.ts';

/** No blank, quote or backslash: means the same in whatever the file is, within quotes and without. */
const PLAIN = /^[!#-&(-[\]-_a-~]+$/;

export type Place = {
  readonly path: string;
  /** Where the template stands. */
  readonly template: string;
  /** Whose place is meant. */
  readonly credential: string;
  /** All whose places the template may have. */
  readonly credentials: readonly string[];
};

/**
 * The place of one credential in a file that is rendered from a template, `{{credential}}` for each value.
 *
 * - Each credential is published by itself, as everywhere: the values of the others are read from the file as it is,
 *   and a place whose credential has no value yet stays empty.
 * - The notes keep the template that the file was rendered from. So it can be read back once the template has
 *   changed, and is then rendered from the new one.
 * - A file whose text around the places is another is refused: what others have there could not be told.
 *
 * @param source the template as it stands now; null where it is missing
 */
export function template(place: Place, source: Buffer | null, hash: Hash): Format {
  const { path, credential } = place;
  const present = source !== null && isUtf8(source) ? source.toString() : null;
  const read = (content: Buffer, notes: Buffer): Rendered =>
    readRendered(content, readNotes(notes), { path, present, hash });

  const parse = (content: Buffer, notes = NOTHING): Borne => {
    const file = read(content, notes);
    const { value, mark } = file.held.get(credential) ?? NOT_HELD;
    if (value === '') return { value: null, mark: null };
    return { value: Secret.from(value), mark, outdated: present !== null && file.template !== present };
  };

  const render = (content: Buffer, value: Secret, _mark: Mark, notes = NOTHING): Buffer => {
    const text = usable(present, place);
    return Buffer.from(filled(text, read(content, notes), value, place));
  };

  const note = (content: Buffer, value: Secret, mark: Mark, notes = NOTHING): Buffer => {
    const text = usable(present, place);
    const file = read(content, notes);
    refuseToDrop(file, text, mark, place);
    const rendering = filled(text, file, value, place);
    const former = file.template === null || file.template === text ? [] : [file.template];
    return writeNotes({
      marks: marksOf([{ value: value.reveal(), mark }, ...file.held.values()], hash.digest),
      templates: [
        { text, digest: renderingDigest(rendering, hash) },
        ...former.map((each) => ({ text: each, digest: renderingDigest(content.toString(), hash) })),
      ],
    });
  };

  return { parse, render, note };
}

/** The template's text, once it is seen that this credential can be published by it. */
function usable(present: string | null, place: Place): string {
  if (present === null) throw unusable(place, 'is missing or is no UTF-8 text');
  const parsed = parseTemplate(present);
  const strange = parsed.places.find(({ name }) => !place.credentials.includes(name));
  if (strange !== undefined) {
    const why = `names no credential that publishes to ${place.path} by it`;
    throw unusable(place, `has {{…}} in line ${strange.line} that ${why}`);
  }
  if (!parsed.places.some(({ name }) => name === place.credential))
    throw unusable(place, `has no {{${place.credential}}}`);
  const [next] = adjoining(parsed);
  if (next === undefined) return present;
  throw unusable(
    place,
    `has nothing between two places in line ${next.line}: their values could not be told apart`,
  );
}

/** The file with `value` in its places, and proven to be read back so. */
function filled(text: string, { held }: Rendered, value: Secret, place: Place): string {
  const own = value.reveal();
  if (!PLAIN.test(own))
    throw valueForm(place, 'holds blanks, quotes, a backslash or characters beyond ASCII, or nothing');
  const parsed = parseTemplate(text);
  const values = new Map(parsed.places.map(({ name }) => [name, (held.get(name) ?? NOT_HELD).value]));
  values.set(place.credential, own);
  const rendering = renderTemplate(parsed, values);
  const split = splitByTemplate(rendering, parsed);
  const same = Array.isArray(split) && parsed.places.every(({ name }, at) => split[at] === values.get(name));
  if (!same) throw valueForm(place, 'or one beside it holds the very text that stands behind its place');
  return rendering;
}

/** Another installation's value is not thrown away because our template has no place for it. */
function refuseToDrop({ held }: Rendered, text: string, mark: Mark, { path }: Place): void {
  const names = parseTemplate(text).places.map(({ name }) => name);
  for (const [name, { mark: other }] of held) {
    if (other === null || other.installation === mark.installation || names.includes(name)) continue;
    throw new EdgeError({
      code: 'foreign_owner',
      verdict: 'permanent',
      message: `${path} holds ${name} of the installation ${other.installation}, for which the template has no place; choose another file`,
    });
  }
}

function unusable({ template: source }: Place, why: string): EdgeError {
  return new EdgeError({
    code: 'template_unusable',
    verdict: 'permanent',
    message: `the template ${source} ${why}; mend it`,
  });
}

function valueForm({ path, credential }: Place, why: string): EdgeError {
  return new EdgeError({
    code: 'value_form',
    verdict: 'permanent',
    message: `the value for {{${credential}}} in ${path} ${why}; publish it in another way, such as a raw file`,
  });
}
