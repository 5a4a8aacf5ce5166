import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { reasonOf } from '../../config/discover.ts';
import { KeywardenError } from '../../model/index.ts';
import { CommandError, EXIT } from '../exit.ts';

/** Standard input among the files. */
export const STDIN = '-';

const CHUNK = 64 * 1024;
const GZIP = Buffer.from([0x1f, 0x8b]);

/** What a file is called in messages. */
export const called = (file: string): string => (file === STDIN ? 'standard input' : file);

/**
 * The size of all files together in bytes, as they lie on disk; null where one of them has none (standard input, a pipe).
 *
 * @throws {CommandError} `failed` for the first that is not there or is a directory
 */
export async function sizeOf(files: readonly string[]): Promise<number | null> {
  let total: number | null = 0;
  for (const file of files) {
    if (file === STDIN) {
      total = null;
      continue;
    }
    const found = await stat(file).catch((error: unknown) => {
      throw unreadable(file, error);
    });
    if (found.isDirectory())
      throw new CommandError(EXIT.failed, `${file} is a directory; name the files in it`);
    total = total === null || !found.isFile() ? null : total + found.size;
  }
  return total;
}

/**
 * The bytes of a file or of standard input, unpacked where they begin as gzip does (RFC 1952), whatever the name.
 *
 * @param counted is told of the bytes as they lie on disk
 * @throws {CommandError} `failed` where it cannot be read, or what is packed is damaged or cut off
 */
export async function* bytesOf(file: string, counted: (bytes: number) => void): AsyncGenerator<Buffer> {
  try {
    const raw = file === STDIN ? process.stdin : createReadStream(file, { highWaterMark: CHUNK });
    const chunks = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const head = await begun(chunks);
    if (head === null) return;
    const whole = chained(head, chunks, counted);
    if (head.subarray(0, GZIP.length).equals(GZIP)) yield* unpacked(whole);
    else yield* whole;
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** The first bytes, enough to see whether they are packed; null where there are none at all. */
async function begun(chunks: AsyncIterator<Buffer>): Promise<Buffer | null> {
  let head: Buffer | null = null;
  while (head === null || head.length < GZIP.length) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = head === null ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* chained(
  head: Buffer,
  chunks: AsyncIterator<Buffer>,
  counted: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  counted(head.length);
  yield head;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    counted(next.value.length);
    yield next.value;
  }
}

function unpacked(packed: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  // What fails before it fails the reading of it too.
  pipeline(Readable.from(packed, { highWaterMark: 1 }), gunzip, () => {});
  return gunzip;
}

const DAMAGE: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: 'what gzip packed ends too early: the file was cut off; fetch it again',
  Z_DATA_ERROR: 'what gzip packed is damaged; fetch it again',
};

function unreadable(file: string, error: unknown): unknown {
  if (error instanceof KeywardenError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : null;
  if (code === null) return error;
  return new CommandError(EXIT.failed, `${called(file)} cannot be read: ${DAMAGE[code] ?? reasonOf(error)}`);
}
