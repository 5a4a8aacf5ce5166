import { duplicateFault } from './document.ts';
import type { Fault, KeyPath } from './fault.ts';
import type { Tree } from './tree.ts';

/**
 * Several files as one configuration: mappings are joined, anything else that two files give is a fault that names
 * both places. Every file may state `version`, as long as they agree.
 */
export function mergeTrees(trees: readonly Tree[], faults: Fault[]): Tree | null {
  const [first = null, ...rest] = trees;
  return rest.reduce((merged, tree) => (merged === null ? tree : join(merged, tree, [], faults)), first);
}

function join(first: Tree, second: Tree, path: KeyPath, faults: Fault[]): Tree {
  if (first.content.kind === 'map' && second.content.kind === 'map') {
    const entries = new Map(first.content.entries);
    for (const [name, child] of second.content.entries) {
      const known = entries.get(name);
      entries.set(name, known === undefined ? child : join(known, child, [...path, name], faults));
    }
    return { ...first, content: { kind: 'map', entries } };
  }
  if (!sameVersion(first, second, path)) faults.push(duplicateFault(second.keyPlace, first.keyPlace, path));
  return first;
}

function sameVersion(first: Tree, second: Tree, path: KeyPath): boolean {
  const [a, b] = [first.content, second.content];
  return path.join() === 'version' && a.kind === 'scalar' && b.kind === 'scalar' && a.value === b.value;
}
