import type { z } from 'zod';
import { explainAll } from './explain.ts';
import type { Fault, KeyPath } from './fault.ts';
import { type Publication, readPublications } from './publications.ts';
import { type Parsed, surface } from './schema/surface.ts';
import { type Tree, toValue } from './tree.ts';

/** What of a configuration could be read, so that its rules are checked beside the schema's faults. */
export type Draft = {
  readonly tree: Tree;
  readonly parsed: Partial<Parsed>;
  readonly publications: readonly Publication[];
};

/** Reads the tree by the whole schema. Where it has faults, the faultless entries around them are still read. */
export function parseSurface(tree: Tree): { readonly draft: Draft; readonly faults: readonly Fault[] } {
  const { publications, faults: publishFaults } = readPublications(tree);
  const value = toValue(tree);
  const read = surface.safeParse(value, { jitless: true });
  if (read.success) return { draft: { tree, parsed: read.data, publications }, faults: publishFaults };
  const issues = read.error.issues.filter((issue) => !isPublication(issue.path));
  const faults = [...explainAll(issues, surface, tree), ...publishFaults];
  return { draft: { tree, parsed: readRest(value, read.error.issues), publications }, faults };
}

function isPublication(path: ReadonlyArray<PropertyKey>): boolean {
  return path[0] === 'credentials' && path[2] === 'publish' && path.length > 3;
}

/** What remains once every faulty entry is taken out; nothing where that cannot be read either. */
function readRest(value: unknown, issues: readonly z.core.$ZodIssue[]): Partial<Parsed> {
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys) remove(value, [...pathOf(issue), key]);
    else remove(value, entryOf(pathOf(issue)));
  }
  const rest = surface.partial().safeParse(value, { jitless: true });
  // exactOptionalPropertyTypes: a partial schema leaves absent keys out, its type cannot say so.
  return rest.success ? (rest.data as Partial<Parsed>) : {};
}

function pathOf(issue: z.core.$ZodIssue): KeyPath {
  return issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
}

/** The entry that stands or falls as one: a named one of a section, a part of `alerts`, else the section. */
function entryOf(path: KeyPath): KeyPath {
  if (path[0] === 'alerts') return path.slice(0, path[1] === 'channels' ? 3 : 2);
  const named = ['providers', 'stores', 'credentials', 'oauthClients', 'monitors'].includes(String(path[0]));
  return path.slice(0, named ? 2 : 1);
}

function remove(value: unknown, path: KeyPath): void {
  const [part, ...rest] = path;
  if (typeof value !== 'object' || value === null || part === undefined) return;
  if (rest.length === 0) Reflect.deleteProperty(value, part);
  else remove(Reflect.get(value, part), rest);
}
