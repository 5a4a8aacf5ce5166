import type { z } from 'zod';
import { explainAll } from './explain.ts';
import { type Fault, faultAt, type KeyPath } from './fault.ts';
import { typeOf } from './quote.ts';
import { HOOK_KINDS, PUBLISH, type PublishKind } from './schema/credential.ts';
import { find, matches, placeOf, type Tree, textAt, toValue } from './tree.ts';

/** One faultless entry of a `publish` list, read by the schema of the store it names. */
export type Publication = {
  readonly credential: string;
  readonly path: KeyPath;
  readonly entry: z.output<(typeof PUBLISH)[PublishKind]>;
};

/**
 * Reads every entry of every `publish` list. Which keys an entry has depends on the kind of the store that it names,
 * which stands elsewhere in the file: the reason why the whole schema cannot explain its faults well.
 */
export function readPublications(tree: Tree): {
  readonly publications: readonly Publication[];
  readonly faults: readonly Fault[];
} {
  const publications: Publication[] = [];
  const faults: Fault[] = [];
  for (const { path, node } of matches(tree, 'credentials.*.publish.*')) {
    if (node.content.kind !== 'map') {
      const found = typeOf(toValue(node));
      faults.push(faultAt(node.place, path, { expected: 'a mapping with store: NAME or file: PATH', found }));
      continue;
    }
    const kind = kindOf(tree, path);
    if (kind === null) continue;
    if (typeof kind === 'object') {
      faults.push(kind);
      continue;
    }
    const schema = PUBLISH[kind];
    const read = schema.safeParse(toValue(node), { jitless: true });
    if (read.success) {
      publications.push({ credential: String(path[1]), path, entry: read.data });
      continue;
    }
    const twoHooks = manyHooks(tree, [...path, 'onChange']);
    const issues = read.error.issues.filter((issue) => twoHooks === null || issue.path[0] !== 'onChange');
    faults.push(...explainAll(issues, schema, tree, path), ...(twoHooks === null ? [] : [twoHooks]));
  }
  return { publications, faults };
}

/** The entry's kind; a fault where it says none or two; null where its store is at fault, which is told there. */
function kindOf(tree: Tree, path: KeyPath): PublishKind | Fault | null {
  const [file, store] = [find(tree, [...path, 'file']), find(tree, [...path, 'store'])];
  if (file !== undefined && store !== undefined) {
    return faultAt(store.keyPlace, path, { problem: 'names a file and a store: an entry is one of the two' });
  }
  if (file !== undefined) return 'file';
  if (store === undefined) {
    const place = find(tree, path)?.place ?? tree.place;
    return faultAt(place, path, { problem: 'missing; expected store: NAME or file: PATH', found: 'nothing' });
  }
  const kind = textAt(tree, ['stores', textAt(tree, [...path, 'store']) ?? '', 'kind']);
  return kind !== undefined && isStoreKind(kind) ? kind : null;
}

/** The fault of a hook that is two at once, or null. */
function manyHooks(tree: Tree, path: KeyPath): Fault | null {
  const kinds = HOOK_KINDS.filter((kind) => find(tree, [...path, kind]) !== undefined);
  const [first, second] = kinds;
  if (first === undefined || second === undefined) return null;
  const place = find(tree, [...path, second])?.keyPlace ?? placeOf(tree, path);
  return faultAt(place, path, { problem: `names ${kinds.join(' and ')}: a hook is one of them` });
}

function isStoreKind(kind: string): kind is Exclude<PublishKind, 'file'> {
  return kind !== 'file' && Object.hasOwn(PUBLISH, kind);
}
