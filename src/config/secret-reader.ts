import { open, readFile, realpath } from 'node:fs/promises';
import { KeywardenError, Secret, type SecretOrigin } from '../model/index.ts';
import { reasonOf } from './discover.ts';
import { onReadOnlyMount } from './mounts.ts';
import { looksSecret } from './quote.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A secret as it was read; `warning` is what should be put right though it is allowed. */
export type SecretReading = { readonly value: Secret; readonly warning: string | null };

export type SecretReader = (origin: SecretOrigin) => Promise<SecretReading>;

const MAX_BYTES = 64 * 1024;
/** Read and write, for the group and for everyone. */
const OTHERS = 0o066;

/**
 * Reads what references point to. A file's last line break is dropped; it is read again when it changes (by time,
 * inode or size), so that a mounted secret can be replaced under a running daemon.
 *
 * The reader throws a {@link KeywardenError} `secret_unavailable` where the variable or file is missing or empty,
 * and where others can read the file, unless `allowModes` permits it or nobody could change that (a read-only mount).
 */
export function secretReader(
  env: Environment,
  mountTable: () => Promise<string> = readMountTable,
): SecretReader {
  const files = new Map<string, { readonly identity: string; readonly reading: SecretReading }>();
  return async (origin) => {
    if ('env' in origin) return { value: fromEnvironment(env, origin.env), warning: null };
    const key = `${origin.allowModes ?? ''}:${origin.file}`;
    const { identity, bytes, mode } = await readIfChanged(origin.file, files.get(key)?.identity);
    const known = files.get(key);
    if (bytes === null && known !== undefined) return known.reading;
    const warning = await openToOthers(origin.file, mode, origin.allowModes ?? 0, mountTable);
    const reading = { value: fromFile(origin.file, bytes ?? Buffer.alloc(0)), warning };
    files.set(key, { identity, reading });
    return reading;
  };
}

function fromEnvironment(env: Environment, name: string): Secret {
  // A key pasted in the place of a name would be shown by the message: only what is written like a name is.
  const isName = name === name.toUpperCase() && !looksSecret(name);
  const shown = isName ? `the environment variable ${name}` : 'the environment variable named here';
  const value = env[name];
  if (value === undefined) throw unavailable(`${shown} is not set`);
  if (value === '') throw unavailable(`${shown} is empty`);
  return Secret.from(value);
}

function fromFile(path: string, bytes: Buffer): Secret {
  const text = bytes.toString('latin1');
  const ending = text.endsWith('\r\n') ? 2 : text.endsWith('\n') ? 1 : 0;
  if (bytes.length === ending) throw unavailable(`${fileText(path)} is empty`);
  return Secret.from(bytes.subarray(0, bytes.length - ending));
}

/** The file's bytes, or null where it is still the one of `identity`. Symbolic links are followed: mounts are made of them. */
async function readIfChanged(
  path: string,
  identity: string | undefined,
): Promise<{ readonly identity: string; readonly bytes: Buffer | null; readonly mode: number }> {
  try {
    const handle = await open(path, 'r');
    try {
      const stat = await handle.stat({ bigint: true });
      const now = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
      const mode = Number(stat.mode);
      if (!stat.isFile()) throw unavailable(`${fileText(path)} is no regular file`);
      if (stat.size > MAX_BYTES)
        throw unavailable(`${fileText(path)} is larger than 64 KiB: this is no secret`);
      return { identity: now, bytes: now === identity ? null : await handle.readFile(), mode };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof KeywardenError) throw error;
    throw unavailable(`${fileText(path)} cannot be read: ${reasonOf(error)}`);
  }
}

/** A warning, or null where nobody else can read the file. @throws {KeywardenError} where that must be put right */
async function openToOthers(
  path: string,
  mode: number,
  allowed: number,
  mountTable: () => Promise<string>,
): Promise<string | null> {
  if ((mode & OTHERS & ~allowed) === 0) return null;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  const problem = `${fileText(path)} can be read by others (mode ${octal})`;
  if (onReadOnlyMount(await realpath(path), await mountTable())) return problem;
  throw unavailable(`${problem}; run chmod 600, or say allowModes: "${octal}" beside it`);
}

/** Empty where the system has none. */
function readMountTable(): Promise<string> {
  return readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
}

function fileText(path: string): string {
  return looksSecret(path) ? 'the file named here' : `the file ${path}`;
}

function unavailable(message: string): KeywardenError {
  return new KeywardenError('secret_unavailable', message);
}
