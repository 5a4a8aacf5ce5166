import type { KeyPath, Place } from './fault.ts';

export type Scalar = string | number | boolean | null;

/**
 * A configuration as it was written: every value with its place. Files are merged as trees, so that a fault found
 * later still knows the file and the line it came from.
 */
export type Tree = {
  /** Where the value stands. */
  readonly place: Place;
  /** Where its key stands; for an entry of a list and the root, the value's place. */
  readonly keyPlace: Place;
  readonly content: Content;
};

type Content =
  | { readonly kind: 'map'; readonly entries: Map<string, Tree> }
  | { readonly kind: 'list'; readonly items: readonly Tree[] }
  | { readonly kind: 'scalar'; readonly value: Scalar };

/** The plain value: what a schema reads. Mappings have no prototype. */
export function toValue(tree: Tree): unknown {
  const { content } = tree;
  if (content.kind === 'scalar') return content.value;
  if (content.kind === 'list') return content.items.map(toValue);
  const value: Record<string, unknown> = Object.create(null);
  for (const [key, child] of content.entries) value[key] = toValue(child);
  return value;
}

/** The value under one key or index. */
export function childOf(tree: Tree, part: string | number): Tree | undefined {
  const { content } = tree;
  if (content.kind === 'map') return content.entries.get(String(part));
  return content.kind === 'list' ? content.items[Number(part)] : undefined;
}

/** The value at `path`, or undefined where there is none. */
export function find(tree: Tree, path: KeyPath): Tree | undefined {
  let node: Tree | undefined = tree;
  for (const part of path) node = node && childOf(node, part);
  return node;
}

/** The text at `path`, or undefined where there is none or it is no text. */
export function textAt(tree: Tree, path: KeyPath): string | undefined {
  const content = find(tree, path)?.content;
  return content?.kind === 'scalar' && typeof content.value === 'string' ? content.value : undefined;
}

/** The names in the mapping at `path`, in order. */
export function namesAt(tree: Tree, path: KeyPath): readonly string[] {
  const content = find(tree, path)?.content;
  return content?.kind === 'map' ? [...content.entries.keys()] : [];
}

/** Where to point for `path`: its value, else the key of the nearest mapping around the place where it is missing. */
export function placeOf(tree: Tree, path: KeyPath): Place {
  let node = tree;
  for (const part of path) {
    const child = childOf(node, part);
    if (child === undefined) return node.keyPlace;
    node = child;
  }
  return node.place;
}

/** Every value whose path fits `pattern`: names divided by dots, `*` for any key or index. */
export function matches(tree: Tree, pattern: string): ReadonlyArray<{ path: KeyPath; node: Tree }> {
  let found: Array<{ path: Array<string | number>; node: Tree }> = [{ path: [], node: tree }];
  for (const part of pattern.split('.')) {
    found = found.flatMap(({ path, node }) =>
      keysOf(node)
        .filter((key) => part === '*' || part === key)
        .flatMap((key) => {
          const child = childOf(node, key);
          return child === undefined ? [] : [{ path: [...path, key], node: child }];
        }),
    );
  }
  return found;
}

function keysOf({ content }: Tree): ReadonlyArray<string | number> {
  if (content.kind === 'map') return [...content.entries.keys()];
  return content.kind === 'list' ? content.items.map((_, index) => index) : [];
}
