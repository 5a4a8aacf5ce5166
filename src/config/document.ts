import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { type Fault, faultAt, type KeyPath, type Place } from './fault.ts';
import { quote } from './quote.ts';
import type { Scalar, Tree } from './tree.ts';

/** A real configuration has a few hundred values; aliases that multiply are cut off here. */
const MAX_VALUES = 20_000;
const MAX_DEPTH = 40;

/** What the parser's codes mean. Its own messages quote the file, which may hold a secret; they are never shown. */
const SYNTAX: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias (*name) without its anchor (&name) before it',
  BAD_INDENT: 'the indentation is wrong here',
  BAD_SCALAR_START: 'a value cannot begin with this character; put it in quotes',
  BAD_DQ_ESCAPE: 'an escape that double quotes do not know; use single quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a nested mapping on one line; a value with ": " needs quotes',
  BLOCK_IN_FLOW: 'a block cannot stand inside { } or [ ]',
  MISSING_CHAR: 'a character is missing: a closing quote, bracket, comma or colon',
  MULTILINE_IMPLICIT_KEY: 'a key runs over several lines; a colon is missing',
  MULTIPLE_DOCS: 'a second document (---); a configuration is one document',
  NON_STRING_KEY: 'a key must be plain text',
  TAB_AS_INDENT: 'a tab where YAML wants spaces',
  TAG_RESOLVE_FAILED: 'a tag (!name); tags do not exist here',
  RESOURCE_EXHAUSTION: 'too deeply nested',
};

/**
 * Reads YAML 1.2 into a tree that knows each value's place; null where nothing usable is in it.
 * Faults of form (syntax, a key given twice, tags, too much of everything) are added to `faults`.
 */
export function parseText(file: string, text: string, faults: Fault[]): Tree | null {
  const lines = new LineCounter();
  const document = parseYaml(text, lines);
  if (document === null) {
    faults.push(
      faultAt({ file, line: 1, column: 1 }, [], { problem: 'too deeply nested to be read as YAML' }),
    );
    return null;
  }
  const builder = new TreeBuilder(file, lines, faults);
  for (const error of [...document.errors, ...document.warnings].slice(0, 20)) builder.syntaxFault(error);
  if (document.errors.length > 0) return null;
  if (document.contents === null || isEmpty(document.contents)) {
    const hint = '`keywarden init` writes a configuration';
    faults.push(faultAt({ file, line: 1, column: 1 }, [], { problem: 'is empty', hint }));
    return null;
  }
  const tree = builder.build(document.contents, [], 0);
  return builder.overflown ? null : tree;
}

/** The parser throws where nesting exhausts its stack. */
function parseYaml(text: string, lineCounter: LineCounter): Document | null {
  const options = { lineCounter, prettyErrors: false, uniqueKeys: false, stringKeys: true } as const;
  try {
    return parseDocument(text, { ...options, version: '1.2', schema: 'core' });
  } catch {
    return null;
  }
}

function isEmpty(contents: unknown): boolean {
  return isScalar(contents) && contents.value === null;
}

class TreeBuilder {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #faults: Fault[];
  readonly #anchors = new Map<string, Node>();
  #values = 0;
  /** More than any configuration holds: what was built is not the whole. */
  overflown = false;

  constructor(file: string, lines: LineCounter, faults: Fault[]) {
    this.#file = file;
    this.#lines = lines;
    this.#faults = faults;
  }

  syntaxFault(error: YAMLError): void {
    const problem = `not readable as YAML: ${SYNTAX[error.code] ?? 'unexpected text'}`;
    this.#faults.push(faultAt(this.#place(error.pos[0]), [], { problem }));
  }

  build(node: Node, path: KeyPath, depth: number, keyPlace?: Place): Tree | null {
    const place = this.#placeOf(node, keyPlace);
    this.#values += 1;
    if (this.#values > MAX_VALUES || depth > MAX_DEPTH) {
      this.#tooLarge(place);
      return null;
    }
    if ('anchor' in node && typeof node.anchor === 'string') this.#anchors.set(node.anchor, node);
    const at = { place, keyPlace: keyPlace ?? place };
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target !== undefined) return this.build(target, path, depth + 1, keyPlace);
      const problem = `not readable as YAML: ${SYNTAX.BAD_ALIAS}`;
      this.#faults.push(faultAt(place, path, { problem }));
      return null;
    }
    if (isMap(node))
      return { ...at, content: { kind: 'map', entries: this.#entries(node.items, path, depth) } };
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.build(item as Node, [...path, index], depth + 1));
      return { ...at, content: { kind: 'list', items: items.filter((item) => item !== null) } };
    }
    const value = this.#scalar(node, path, place);
    return value === undefined ? null : { ...at, content: { kind: 'scalar', value } };
  }

  #entries(
    pairs: ReadonlyArray<{ readonly key: unknown; readonly value: unknown }>,
    path: KeyPath,
    depth: number,
  ): Map<string, Tree> {
    const entries = new Map<string, Tree>();
    for (const { key, value } of pairs) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      const place = this.#placeOf(key);
      const first = entries.get(name);
      if (first !== undefined) this.#faults.push(duplicateFault(place, first.keyPlace, [...path, name]));
      else if (name === '__proto__')
        this.#faults.push(faultAt(place, path, { problem: 'unknown key "__proto__"' }));
      else {
        const child =
          value === null
            ? { place, keyPlace: place, content: { kind: 'scalar', value: null } as const }
            : this.build(value as Node, [...path, name], depth + 1, place);
        if (child !== null) entries.set(name, child);
      }
    }
    return entries;
  }

  #scalar(node: Node, path: KeyPath, place: Place): Scalar | undefined {
    const value = isScalar(node) ? node.value : undefined;
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    const found = typeof value === 'number' ? quote(value) : 'a value of another kind';
    this.#faults.push(faultAt(place, path, { expected: 'text, a finite number, true or false', found }));
    return undefined;
  }

  #tooLarge(place: Place): void {
    const problem = `too large: more than ${MAX_VALUES} values, or nested deeper than ${MAX_DEPTH}, with every alias written out`;
    if (!this.overflown) this.#faults.push(faultAt(place, [], { problem }));
    this.overflown = true;
  }

  /** A key without a value has no place of its own: its key is pointed at. */
  #placeOf(node: Node, keyPlace?: Place): Place {
    const empty = isScalar(node) && node.source === '' && keyPlace !== undefined;
    return empty || !node.range ? (keyPlace ?? this.#place(0)) : this.#place(node.range[0]);
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(Math.max(0, offset));
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** The same key twice, in one file or in two. */
export function duplicateFault(again: Place, first: Place, path: KeyPath): Fault {
  const where = `${first.file}:${first.line}:${first.column}`;
  return faultAt(again, path, {
    problem: `given twice; it stands at ${where} already`,
    hint: 'remove one of the two',
  });
}
