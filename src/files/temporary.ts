import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, faultOf } from './fault.ts';

/** EXCL and NOFOLLOW: whatever stands at the name already, a planted link above all, makes it fail. */
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

const RANDOM = /^[0-9a-f]{16}\.tmp$/;

const prefixOf = (path: string) => `.keywarden-${basename(path)}-`;

/** Opens a new file, 0600, in the folder of `path`: a rename within one folder is atomic. */
export async function openTemporary(path: string): Promise<{ name: string; handle: FileHandle }> {
  const name = join(dirname(path), `${prefixOf(path)}${randomBytes(8).toString('hex')}.tmp`);
  return { name, handle: await open(name, FLAGS, 0o600) };
}

/**
 * Removes what a crash between opening and renaming left for `path`: plain files with one name, which is of exactly our
 * form. Whose they are says nothing: one may have been given to the destination's owner before the crash, key and all. One
 * that cannot be removed keeps none of the others.
 */
export async function sweep(path: string): Promise<void> {
  const failures: unknown[] = [];
  const failed = (error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') failures.push(error);
    return [];
  };
  const prefix = prefixOf(path);
  for (const name of await readdir(dirname(path)).catch(failed)) {
    if (!name.startsWith(prefix) || !RANDOM.test(name.slice(prefix.length))) continue;
    await remove(join(dirname(path), name)).catch(failed);
  }
  if (failures.length > 0) throw faultOf(failures[0], 'remove temporary files beside', path);
}

async function remove(left: string): Promise<void> {
  const file = await lstat(left);
  if (file.isFile() && file.nlink === 1) await unlink(left);
}

/** Removes a temporary file whose writing failed; that failure is the one to tell, not this one's. */
export async function discard(name: string): Promise<void> {
  await unlink(name).catch(() => undefined);
}
