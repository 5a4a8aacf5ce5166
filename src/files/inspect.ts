import type { Stats } from 'node:fs';
import { lstat, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, faultOf, MOUNTED_FILE, refusal } from './fault.ts';

/** Whose a file shall be; absent: whose it was. */
export type Owner = { readonly uid?: number; readonly gid?: number };

const STICKY = 0o1000;
const WRITABLE_BY_ALL = 0o002;

/**
 * The file that a replacement of `path` would take the place of, or null where there is none.
 *
 * Refused: a link of either kind, anything but a file, a mount point, a folder that everybody may write without a
 * sticky bit (anybody could put a file of their own in our file's place; a group's right to write is the
 * operator's choice), and an owner who is neither Keywarden's user, nor the one that `owner` asks for, nor, for root, the
 * folder's: keeping a stranger's ownership would hand them the secret.
 */
export async function inspect(path: string, owner: Owner): Promise<Stats | null> {
  const folder = await requireFolder(path, 'write');
  if ((folder.mode & WRITABLE_BY_ALL) !== 0 && (folder.mode & STICKY) === 0) {
    const why = 'everybody may write its folder and so replace the file; remove that right (chmod o-w)';
    throw refusal('open_folder', 'permanent', 'write', path, why);
  }
  const file = await lstatOrNull(path);
  if (file === null) return null;
  const refuse = (code: string, why: string) => refusal(code, 'permanent', 'write', path, why);
  if (file.isSymbolicLink()) throw refuse('symlink', 'it is a symbolic link; name the file it points to');
  if (!file.isFile()) throw refuse('not_a_file', 'a folder or special file stands there; remove it');
  if (file.nlink > 1)
    throw refuse('hard_link', 'it has a second name (hard link); make it a file of its own');
  if (!mayReplace(file, folder, owner)) {
    const why = `it belongs to user ${file.uid}; give it to Keywarden's user (chown) or set uid for this destination`;
    throw refuse('foreign_owner', why);
  }
  if (await isMountPoint(path)) {
    throw refuse('mounted_file', MOUNTED_FILE);
  }
  return file;
}

/** The folder that holds `path`. */
export async function requireFolder(path: string, action: string): Promise<Stats> {
  const folder = await stat(dirname(path)).catch((error: unknown) => {
    throw faultOf(error, action, path);
  });
  if (folder.isDirectory()) return folder;
  throw refusal('missing_folder', 'retryable', action, path, 'what should be its folder is none');
}

/** Whether the file is Keywarden's to replace; see {@link inspect}. */
export function mayReplace(file: Stats, folder: Stats, owner: Owner = {}): boolean {
  const self = process.geteuid?.() ?? file.uid;
  return file.uid === self || file.uid === owner.uid || (self === 0 && file.uid === folder.uid);
}

async function lstatOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw faultOf(error, 'write', path);
  }
}

/** A container's single-file mount looks like a file and can be read, but never renamed over. Linux only. */
async function isMountPoint(path: string): Promise<boolean> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const folder = await realpath(dirname(path)).catch(() => dirname(path));
  return mountPoints(table).has(join(folder, basename(path)));
}

/** The mount points of `/proc/self/mountinfo`: the fifth field, blanks and backslashes in octal (proc(5)). */
export function mountPoints(table: string): ReadonlySet<string> {
  const points = new Set<string>();
  for (const line of table.split('\n')) {
    const point = line.split(' ')[4];
    if (point === undefined) continue;
    points.add(
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
  }
  return points;
}
