import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Files } from '../model/index.ts';
import { errnoOf, faultOf, refusal } from './fault.ts';
import { mayReplace, requireFolder } from './inspect.ts';

/** The largest file that is read or written, in bytes. */
export const MAX_BYTES = 1024 * 1024;

const CHUNK = 64 * 1024;

/** Without NONBLOCK the opening of a named pipe would wait for a writer for ever. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * The file at `path`, or null where its folder holds none. A folder that is not there (not mounted yet) is an error,
 * so that nobody takes it for an empty destination. What is judged is the opened file itself, not its name.
 */
export async function read(
  path: string,
  { follow = false }: { readonly follow?: boolean } = {},
): ReturnType<Files['read']> {
  const handle = await openOrNull(path, follow ? FLAGS : FLAGS | constants.O_NOFOLLOW);
  if (handle === null) return null;
  try {
    const file = await handle.stat();
    if (!file.isFile()) {
      throw refusal(
        'not_a_file',
        'permanent',
        'read',
        path,
        'a folder or special file stands there; remove it',
      );
    }
    const content = await readAll(handle);
    if (content === null) {
      throw refusal('too_large', 'permanent', 'read', path, 'it is over 1 MiB; this is no file of settings');
    }
    const foreign = !mayReplace(file, await requireFolder(path, 'read'));
    return { content, mode: file.mode & 0o7777, uid: file.uid, gid: file.gid, foreign };
  } catch (error) {
    throw faultOf(error, 'read', path);
  } finally {
    await handle.close();
  }
}

async function openOrNull(path: string, flags: number): Promise<FileHandle | null> {
  try {
    return await open(path, flags);
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        await requireFolder(path, 'read');
        return null;
      case 'ELOOP':
        throw refusal(
          'symlink',
          'permanent',
          'read',
          path,
          'it is a symbolic link; name the file it points to',
        );
      case 'ENXIO':
        throw refusal('not_a_file', 'permanent', 'read', path, 'a socket or device stands there; remove it');
      default:
        throw faultOf(error, 'read', path);
    }
  }
}

/** Everything up to the end, whatever size the file claims; null where that is too much. */
async function readAll(handle: FileHandle): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK), 0, CHUNK, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
    if (total > MAX_BYTES) return null;
  }
}
