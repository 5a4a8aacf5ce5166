import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** A node of the syntax tree (ESTree with TypeScript's additions), as far as the rules look into it. */
export type Node = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
};

/** One import, export-from or `import()` of a file. */
export type Import = {
  readonly specifier: string;
  /** The file it leads to, from the repository's root; null for a package. */
  readonly target: string | null;
  /** `type` is gone at run time, `lazy` is loaded when the call is reached. */
  readonly kind: 'type' | 'value' | 'lazy';
  readonly line: number;
};

/** A file of TypeScript, read and parsed. */
export type Source = {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly nodes: readonly Node[];
  readonly imports: readonly Import[];
  readonly comments: readonly { readonly text: string; readonly line: number }[];
  lineAt(offset: number): number;
};

export const ROOT = join(import.meta.dirname, '..', '..');

/** The folder directly under `src`, `main` for a file that stands there itself, null outside `src`. */
export function roomOf(path: string): string | null {
  const [top, room, ...rest] = path.split('/');
  if (top !== 'src' || room === undefined) return null;
  return rest.length > 0 ? room : 'main';
}

/** Tests and what only tests use: suites, fakes, `testing` folders. No part of the product. */
export function isTestCode(path: string): boolean {
  return /^test\/|\.(?:test|suite)\.ts$|\/testing\/|\/(?:fake|testing)\.ts$/.test(path);
}

/** Every TypeScript file below these folders. */
export function readSources(...folders: readonly string[]): Source[] {
  return folders
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .toSorted()
    .map((path) => parseSource(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** @throws {Error} where the text is no TypeScript */
export function parseSource(path: string, text: string): Source {
  const { program, module, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const starts = [...text.matchAll(/\n/g)].map(({ index }) => index);
  const lineAt = (offset: number) => 1 + starts.filter((start) => start < offset).length;
  const nodes = [...walk(program as unknown as Node)];
  const import_ = (specifier: string, kind: Import['kind'], start: number): Import => {
    const target = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : null;
    return { specifier, target, kind, line: lineAt(start) };
  };
  const imports = [
    ...module.staticImports.map(({ moduleRequest, entries, start }) =>
      import_(moduleRequest.value, kindOf(entries), start),
    ),
    ...module.staticExports.flatMap(({ entries, start }) =>
      entries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest ? [import_(moduleRequest.value, isType ? 'type' : 'value', start)] : [],
      ),
    ),
    ...nodes.flatMap((node) => {
      const kind = { ImportExpression: 'lazy', TSImportType: 'type' }[node.type] as
        | 'lazy'
        | 'type'
        | undefined;
      const value = (node.source as Node | undefined)?.value;
      return kind !== undefined && typeof value === 'string' ? [import_(value, kind, node.start)] : [];
    }),
  ];
  return {
    path,
    text,
    nodes,
    imports,
    comments: comments.map(({ value, start }) => ({ text: value, line: lineAt(start) })),
    lineAt,
  };
}

const kindOf = (entries: readonly { readonly isType: boolean }[]) =>
  entries.length > 0 && entries.every(({ isType }) => isType) ? 'type' : 'value';

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && typeof child.type === 'string') yield* walk(child);
    }
  }
}
