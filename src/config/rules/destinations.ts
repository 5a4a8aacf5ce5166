import { destinationId } from '../destination.ts';
import { type Fault, faultAt, type KeyPath } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { absolutePath, type Directories } from '../paths.ts';
import { childOf, find, placeOf, type Tree } from '../tree.ts';

/** Destinations that would overwrite one another. */
export function destinationFaults(draft: Draft, directories: Directories): readonly Fault[] {
  const { tree } = draft;
  const faults: Fault[] = [...reservedNames(tree)];
  const taken = new Map<string, KeyPath>();
  const files = new Map<string, { readonly path: KeyPath; readonly rights: string }>();
  for (const { path, entry } of draft.publications) {
    const id = destinationId(entry, (file) => absolutePath(tree, [...path, 'file'], file, directories));
    const first = taken.get(id) ?? overlapping(taken, id);
    if (first !== undefined) faults.push(collision(tree, path, first));
    else taken.set(id, path);
    if (!('file' in entry)) continue;
    const rights = JSON.stringify([entry.format, entry.mode, entry.uid, entry.gid]);
    const name = id.replace(/#.*$/, '');
    const other = files.get(name);
    if (other !== undefined && other.rights !== rights) faults.push(contradiction(tree, path, other.path));
    else files.set(name, { path, rights });
  }
  return faults;
}

/** One that holds the whole where the other holds a field of it. */
function overlapping(taken: ReadonlyMap<string, KeyPath>, id: string): KeyPath | undefined {
  const [whole = '', field] = id.split('#');
  if (field !== undefined) return taken.get(whole);
  return [...taken].find(([other]) => other.startsWith(`${whole}#`))?.[1];
}

function collision(tree: Tree, path: KeyPath, first: KeyPath): Fault {
  const problem = `publishes to the same place as ${told(tree, first)}`;
  return faultAt(placeOf(tree, path), path, { problem, hint: 'one of the two would overwrite the other' });
}

function contradiction(tree: Tree, path: KeyPath, first: KeyPath): Fault {
  const problem = `gives the file another format, mode, uid or gid than ${told(tree, first)}`;
  return faultAt(placeOf(tree, path), path, { problem, hint: 'say the same in both' });
}

function told(tree: Tree, path: KeyPath): string {
  const { file, line } = placeOf(tree, path);
  return `${String(path[1])} at ${file}:${line}`;
}

/** Files are published under the store name `file`. */
function reservedNames(tree: Tree): readonly Fault[] {
  const stores = find(tree, ['stores']);
  const node = stores && childOf(stores, 'file');
  if (node === undefined) return [];
  const problem = 'a store cannot be named file: that name stands for files';
  return [faultAt(node.keyPlace, ['stores', 'file'], { problem })];
}
