import { isAbsolute, join, resolve } from 'node:path';
import type { KeyPath } from './fault.ts';
import { placeOf, type Tree } from './tree.ts';

/** The folder of each configuration file, by the name that places bear. */
export type Directories = ReadonlyMap<string, string>;

/** Keys whose text is a path, wherever they stand. */
const PATH_KEYS = new Set([
  'caFile',
  'certFile',
  'keyFile',
  'pidFile',
  'kubeconfig',
  'template',
  'file',
  'directory',
]);

/** Whether what stands at `at` is a path. */
export function isPath(at: KeyPath): boolean {
  const key = at.at(-1);
  // Elsewhere a database may be a URL.
  return typeof key === 'string' && (PATH_KEYS.has(key) || (key === 'database' && at.at(-2) === 'geoip'));
}

/** A path as the file in which it stands means it. */
export function absolutePath(tree: Tree, path: KeyPath, text: string, directories: Directories): string {
  if (isAbsolute(text)) return join(text);
  return resolve(directories.get(placeOf(tree, path).file) ?? '/', text);
}
