import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Secret } from '../model/index.ts';
import { StateError } from './contract.ts';
import { KeyRing } from './sealing.ts';
import type { Spool, SpooledAnswer } from './spool.ts';
import { explainFile } from './sqlite/errors.ts';

export type SpoolOptions = {
  /** Absolute path of the state's database; the files lie in a folder beside it, `DATABASE.spool`. */
  readonly database: string;
  /** The master keys of the state: the first seals, all open. */
  readonly keys: readonly Secret[];
  /**
   * Is told of a file whose answer is not whole. Its `save` was cut off and never resolved, so that mint's outcome is unknown,
   * as if there had been no `save`; the file is emptied.
   */
  readonly torn: (error: StateError) => void;
};

const SIZE = 64 * 1024;
const EMPTY = Buffer.alloc(SIZE);
const MAGIC = Buffer.from('keywarden spool 1\n');
const DIGEST_BYTES = 32;
/** Ids of master keys have this many hexadecimal digits. */
const KEY_ID_LENGTH = 16;
const HEAD = MAGIC.length + 4 + DIGEST_BYTES;
const PLACE = 'spool.answer';
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const OTHERS = 0o077;
const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/**
 * The spool in files that this process alone uses. A file is the magic, the length and SHA-256 of what follows, the id of the
 * key that sealed, the sealed answer, zeros to the end; one that is empty is zeros alone.
 *
 * @throws {StateError} `wrong_key` for keys that are none; each method throws `state_full`, `state_unwritable`, `state_exposed`,
 * and `load` also `wrong_key` and `state_corrupt`
 * @example
 * const spool = openSpool({ database: '/var/lib/keywarden/keywarden.db', keys: [key], torn: (error) => log.error(error) });
 * await spool.reserve('frameflow-prod');
 */
export function openSpool({ database, keys, torn }: SpoolOptions): Spool {
  const ring = new KeyRing(keys);
  const folder = `${database}.spool`;
  return {
    reserve: (credential) => explained(folder, () => reserve(folder, credential)),
    save: (entry) =>
      explained(folder, async () => {
        const content = encode(ring, entry, pathOf(folder, entry.credential));
        await reserve(folder, entry.credential);
        await overwrite(folder, entry.credential, content);
      }),
    load: () => explained(folder, () => load(folder, ring, torn)),
    clear: (credential) =>
      explained(folder, async () => {
        if (await isReserved(pathOf(folder, credential))) await overwrite(folder, credential, EMPTY);
      }),
  };
}

async function explained<T>(folder: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw explainFile(error, folder);
  }
}

function pathOf(folder: string, credential: string): string {
  if (NAME.test(credential)) return join(folder, credential);
  throw new TypeError('this is no name of a credential');
}

/** A file that is shorter was begun and not finished: no answer can be in it. */
async function reserve(folder: string, credential: string): Promise<void> {
  const path = pathOf(folder, credential);
  if (await isReserved(path)) return;
  if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined)
    await syncFolder(dirname(folder));
  await refuseExposed(folder, 'directory');
  await overwrite(folder, credential, EMPTY);
  await syncFolder(folder);
}

async function isReserved(path: string): Promise<boolean> {
  const stat = await refuseExposed(path, 'file');
  return stat !== null && stat.size >= SIZE;
}

/** Null where there is nothing. @throws {StateError} where it is another kind of thing, or open to other users */
async function refuseExposed(path: string, kind: 'file' | 'directory'): Promise<{ size: number } | null> {
  const stat = await lstat(path).catch(missing);
  if (stat === null) return null;
  if (kind === 'file' ? !stat.isFile() : !stat.isDirectory()) {
    throw new StateError('state_unwritable', `${path} is no ordinary ${kind}; move it away`);
  }
  if ((stat.mode & OTHERS) === 0) return stat;
  const octal = (stat.mode & 0o777).toString(8).padStart(3, '0');
  const wanted = kind === 'file' ? '600' : '700';
  throw new StateError(
    'state_exposed',
    `${path} is open to other users (mode ${octal}); run: chmod ${wanted} ${path}`,
  );
}

function missing(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}

/** In place: never cut short or replaced, so that it needs no more room than it has. */
async function overwrite(folder: string, credential: string, content: Buffer): Promise<void> {
  await withFile(pathOf(folder, credential), O_RDWR | O_CREAT, async (file) => {
    for (let at = 0; at < content.length; ) {
      at += (await file.write(content, at, content.length - at, at)).bytesWritten;
    }
    await file.sync();
  });
}

async function withFile<T>(path: string, flags: number, task: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    return await task(file);
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  await withFile(path, O_RDONLY, (folder) => folder.sync());
}

function encode(keys: KeyRing, { credential, rotationId, at, answer }: SpooledAnswer, path: string): Buffer {
  const facts = Buffer.from(`${JSON.stringify({ rotationId, at })}\n`);
  const plain = Secret.from(Buffer.concat([facts, answer.bytes()]));
  const { keyId, box } = keys.seal(PLACE, credential, plain);
  const body = Buffer.concat([Buffer.from(keyId, 'latin1'), Buffer.from(box, 'base64')]);
  if (HEAD + body.length > SIZE) {
    throw new StateError('state_full', `an answer of ${answer.length} bytes has no room in ${path}`);
  }
  const content = Buffer.alloc(SIZE);
  let end = MAGIC.copy(content);
  end = content.writeUInt32BE(body.length, end);
  end += digest(body).copy(content, end);
  body.copy(content, end);
  return content;
}

function digest(body: Buffer): Buffer {
  return createHash('sha256').update(body).digest();
}

async function load(
  folder: string,
  keys: KeyRing,
  torn: SpoolOptions['torn'],
): Promise<readonly SpooledAnswer[]> {
  if ((await refuseExposed(folder, 'directory')) === null) return [];
  const entries: SpooledAnswer[] = [];
  for (const credential of (await readdir(folder)).filter((name) => NAME.test(name)).toSorted()) {
    const path = pathOf(folder, credential);
    await refuseExposed(path, 'file');
    const content = await withFile(path, O_RDONLY, readWhole);
    if (content.equals(EMPTY)) continue;
    const body = bodyOf(content);
    if (body !== null) {
      entries.push(decode(keys, credential, body, path));
      continue;
    }
    torn(
      new StateError(
        'state_corrupt',
        `${path} holds the answer to a mint by halves, which nobody can read; the key in it counts as lost unless the provider gives it again`,
      ),
    );
    await overwrite(folder, credential, EMPTY);
  }
  return entries;
}

/** What is missing at the end counts as zeros. */
async function readWhole(file: FileHandle): Promise<Buffer> {
  const content = Buffer.alloc(SIZE);
  for (let at = 0; at < SIZE; ) {
    const { bytesRead } = await file.read(content, at, SIZE - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return content;
}

/** Null where the file is not as `save` leaves it. */
function bodyOf(content: Buffer): Buffer | null {
  if (!content.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const length = content.readUInt32BE(MAGIC.length);
  if (length <= KEY_ID_LENGTH || HEAD + length > SIZE) return null;
  const body = content.subarray(HEAD, HEAD + length);
  return digest(body).equals(content.subarray(HEAD - DIGEST_BYTES, HEAD)) ? body : null;
}

function decode(keys: KeyRing, credential: string, body: Buffer, path: string): SpooledAnswer {
  const keyId = body.toString('latin1', 0, KEY_ID_LENGTH);
  const box = body.toString('base64', KEY_ID_LENGTH);
  const plain = openBox(keys, credential, { keyId, box }, path).bytes();
  const end = plain.indexOf('\n');
  const { rotationId, at }: { rotationId: string; at: number } = JSON.parse(plain.toString('utf8', 0, end));
  return { credential, rotationId, at, answer: Secret.from(plain.subarray(end + 1)) };
}

function openBox(keys: KeyRing, credential: string, sealed: { keyId: string; box: string }, path: string) {
  try {
    return keys.open(PLACE, credential, sealed);
  } catch (error) {
    if (error instanceof StateError && error.code === 'wrong_key') throw error;
    throw new StateError(
      'state_corrupt',
      `${path} was altered or belongs to another credential; move it away, and Keywarden starts without the answer in it`,
    );
  }
}
