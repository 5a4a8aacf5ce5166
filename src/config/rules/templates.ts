import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { adjoining, parseTemplate } from '../../stores/file/schema.ts';
import { type Fault, faultAt, type KeyPath } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { absolutePath, type Directories } from '../paths.ts';
import { looksSecret, suggestion } from '../quote.ts';
import { matches, placeOf, type Tree, textAt } from '../tree.ts';

/** A `publish` entry with a template, its paths absolute. */
type Use = {
  readonly credential: string;
  readonly path: KeyPath;
  readonly file: string;
  readonly template: string;
  /** False where an entry before has the same two: what is wrong with the text is told once. */
  readonly first: boolean;
};

/** A template that cannot be read is no fault where the configuration is looked at on another machine. */
export type TemplateFindings = { readonly faults: readonly Fault[]; readonly unread: readonly Fault[] };

/** What keeps templates from being rendered by the credentials that publish by them, each with its line. */
export async function templateFindings(draft: Draft, directories: Directories): Promise<TemplateFindings> {
  const uses = usesOf(draft, directories);
  const findings = await Promise.all(uses.map((use) => inspect(use, draft.tree, directories)));
  return {
    faults: findings.flatMap(({ faults }) => faults),
    unread: findings.flatMap(({ unread }) => unread),
  };
}

function usesOf({ tree, publications }: Draft, directories: Directories): readonly Use[] {
  const seen = new Set<string>();
  return publications.flatMap(({ credential, path, entry }) => {
    if (!('file' in entry) || entry.template === undefined) return [];
    const absolute = (key: string, text: string) => absolutePath(tree, [...path, key], text, directories);
    const [file, template] = [absolute('file', entry.file), absolute('template', entry.template)];
    const pair = JSON.stringify([file, template]);
    const first = !seen.has(pair);
    seen.add(pair);
    return [{ credential, path: [...path, 'template'], file, template, first }];
  });
}

async function inspect(use: Use, tree: Tree, directories: Directories): Promise<TemplateFindings> {
  const { path, file, template } = use;
  const at = placeOf(tree, path);
  const own = (problem: string, hint: string | null = null) => faultAt(at, path, { problem, hint });
  if (file === template) return { faults: [own('is the file that is rendered from it')], unread: [] };
  const content = await readFile(template).catch((error: NodeJS.ErrnoException) => error);
  if (!Buffer.isBuffer(content)) {
    return { faults: [], unread: [own(`${template} cannot be read (${content.code ?? 'no error code'})`)] };
  }
  if (!isUtf8(content)) return { faults: [own(`${template} is no UTF-8 text`)], unread: [] };
  return { faults: textFaults(content.toString(), use, tree, directories, own), unread: [] };
}

function textFaults(
  text: string,
  { credential, path, file, template, first }: Use,
  tree: Tree,
  directories: Directories,
  own: (problem: string, hint?: string) => Fault,
): readonly Fault[] {
  const parsed = parseTemplate(text);
  const there = publishersTo(file, tree, directories);
  const inText = ({ line, column }: { line: number; column: number }, problem: string, hint: string | null) =>
    faultAt({ file: template, line, column }, path, { problem, hint });
  const strange = parsed.places
    .filter(({ name }) => !there.includes(name))
    .map((place) => {
      const shown = looksSecret(place.name) ? '…' : place.name;
      const problem = `{{${shown}}} names no credential that publishes to ${file}`;
      return inText(place, problem, suggestion(place.name, there));
    });
  const joined = adjoining(parsed).map((place) => {
    const problem = 'nothing stands between this value and the one before: they could not be told apart';
    return inText(place, problem, 'put other text between the two');
  });
  const absent = parsed.places.some(({ name }) => name === credential)
    ? []
    : [
        own(
          `${template} has no place for this credential`,
          `write {{${credential}}} where its value shall stand`,
        ),
      ];
  return first ? [...absent, ...strange, ...joined] : absent;
}

/** By name, also those whose entry has a fault of its own. */
function publishersTo(file: string, tree: Tree, directories: Directories): readonly string[] {
  return matches(tree, 'credentials.*.publish.*.file').flatMap(({ path }) => {
    const text = textAt(tree, path);
    const same = text !== undefined && absolutePath(tree, path, text, directories) === file;
    return same ? [String(path[1])] : [];
  });
}
