import { destinationId } from '../destination.ts';
import { type Fault, faultAt, type KeyPath } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { absolutePath, type Directories } from '../paths.ts';
import { childOf, find, placeOf, type Tree } from '../tree.ts';

const OTHERS = 0o007;

/** Destinations that would overwrite one another. */
export function destinationFaults(draft: Draft, directories: Directories): readonly Fault[] {
  const { tree } = draft;
  const faults: Fault[] = [...reservedNames(tree)];
  const taken = new Map<string, KeyPath>();
  const files = new Map<string, { readonly path: KeyPath; readonly rights: string }>();
  for (const { credential, path, entry } of draft.publications) {
    const at = (key: string) => (file: string) => absolutePath(tree, [...path, key], file, directories);
    const id = destinationId(entry, at('file'), credential);
    const nested = 'field' in entry && 'file' in entry;
    const first = taken.get(id) ?? overlapping(taken, id) ?? (nested ? enclosing(taken, id) : undefined);
    if (first !== undefined) faults.push(collision(tree, path, first));
    else taken.set(id, path);
    if (!('file' in entry)) continue;
    const { format, template = null, mode, uid, gid } = entry;
    const rights = JSON.stringify([format, template && at('template')(template), mode, uid, gid]);
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

/** A JSON member that lies within another one. */
function enclosing(taken: ReadonlyMap<string, KeyPath>, id: string): KeyPath | undefined {
  const within = (inner: string, outer: string) => outer.includes('#') && inner.startsWith(`${outer}.`);
  return [...taken].find(([other]) => within(id, other) || within(other, id))?.[1];
}

/** Files that everybody on the machine may read: allowed where it is said, and seldom meant. */
export function destinationWarnings({ tree, publications }: Draft): readonly Fault[] {
  return publications.flatMap(({ path, entry }) => {
    if (!('file' in entry) || (entry.mode & OTHERS) === 0) return [];
    const at = [...path, 'mode'];
    const problem = `lets every user of the machine at the key (mode ${entry.mode.toString(8)})`;
    const hint = 'for one program set uid, or gid and mode: "0640"';
    return [faultAt(placeOf(tree, at), at, { problem, hint })];
  });
}

function collision(tree: Tree, path: KeyPath, first: KeyPath): Fault {
  const problem = `publishes to the same place as ${told(tree, first)}`;
  return faultAt(placeOf(tree, path), path, { problem, hint: 'one of the two would overwrite the other' });
}

function contradiction(tree: Tree, path: KeyPath, first: KeyPath): Fault {
  const problem = `gives the file another format, template, mode, uid or gid than ${told(tree, first)}`;
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
