import type { Stats } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Files } from '../model/index.ts';
import { errnoOf, faultOf, refusal } from './fault.ts';
import { inspect, type Owner } from './inspect.ts';
import { MAX_BYTES, read } from './read.ts';
import { discard, openTemporary } from './temporary.ts';

type Replacement = Parameters<Files['replace']>[2];

/** A block's worth: an empty file fits on a full disk, and would prove nothing. */
const PROBE = new Uint8Array(4096);

const GROUP_BITS = 0o070;

/**
 * Replaces the file, or leaves the old one whole. Of the old file only the owner is kept, and that only where
 * `options` names none; its mode, times and attributes are not.
 */
export async function replace(path: string, content: Uint8Array, options: Replacement): Promise<void> {
  if (content.length > MAX_BYTES) {
    throw refusal('too_large', 'permanent', 'write', path, 'it would be over 1 MiB');
  }
  const former = await inspect(path, options);
  const temporary = await fill(path, content, options, former);
  try {
    await inspect(path, options);
    await compare(path, options.expected);
    await rename(temporary, path);
  } catch (error) {
    await discard(temporary);
    if (errnoOf(error) === 'ENOENT') throw changed(path);
    throw faultOf(error, 'write', path);
  }
  await syncFolder(path);
}

/** Throws where `path` could not be replaced now. Writes a file of 4 KiB beside it and removes it again. */
export async function probe(path: string, options: Owner & { readonly mode?: number } = {}): Promise<void> {
  const former = await inspect(path, options);
  await discard(await fill(path, PROBE, { ...options, mode: options.mode ?? 0o600 }, former));
}

/** A temporary file that holds `content` for good, with the final mode and owner. Its name. */
async function fill(
  path: string,
  content: Uint8Array,
  options: Replacement,
  former: Stats | null,
): Promise<string> {
  const { name, handle } = await openTemporary(path).catch((error: unknown) => {
    throw faultOf(error, 'write', path);
  });
  try {
    await handle.writeFile(content);
    await give(handle, path, options, former);
    await handle.chmod(options.mode);
    await handle.sync();
    await handle.close();
    return name;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await discard(name);
    throw faultOf(error, 'write', path);
  }
}

/** Sets the owner while the file is still ours alone to read. */
async function give(
  handle: FileHandle,
  path: string,
  options: Replacement,
  former: Stats | null,
): Promise<void> {
  const file = await handle.stat();
  const uid = options.uid ?? former?.uid ?? file.uid;
  const gid = options.gid ?? former?.gid ?? file.gid;
  if (uid === file.uid && gid === file.gid) return;
  try {
    await handle.chown(uid, gid);
  } catch (error) {
    // The former group can be let go only where it had no use of the file: else its readers would lose it.
    const asked = options.uid !== undefined || options.gid !== undefined;
    if (errnoOf(error) === 'EPERM' && !asked && (options.mode & GROUP_BITS) === 0) return;
    const why = `Keywarden's user may not give a file to user ${uid}, group ${gid}; run it as one that may`;
    throw errnoOf(error) === 'EPERM' ? refusal('no_right', 'permanent', 'write', path, why) : error;
  }
}

async function compare(path: string, expected: Uint8Array | null | undefined): Promise<void> {
  if (expected === undefined) return;
  const found = (await read(path))?.content ?? null;
  const same = found === null || expected === null ? found === expected : found.equals(expected);
  if (!same) throw changed(path);
}

function changed(path: string) {
  const why = 'another program changed it or its folder at the same moment; it is read again and tried again';
  return refusal('conflict', 'retryable', 'write', path, why);
}

/** Makes the rename itself outlast a power failure. Some file systems cannot, and say so by EINVAL or ENOTSUP. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (['EINVAL', 'ENOTSUP', 'EACCES'].includes(errnoOf(error) ?? '')) return;
    const why = `it was replaced, but its folder could not be brought to disk (${errnoOf(error)})`;
    throw refusal('io_error', 'unknown', 'write', path, why);
  }
}
