import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Fault, faultAt, type KeyPath } from './fault.ts';

/** Where a configuration is looked for that nobody named: first the system's file, then one in the working folder. */
export type Places = { readonly system: string; readonly local: string; readonly hint: string };

const DAEMON: Places = {
  system: '/etc/keywarden/keywarden.yaml',
  local: 'keywarden.yaml',
  hint: '`keywarden init` makes one',
};
const MAX_BYTES = 1024 * 1024;

/** A configuration file as it was read. */
export type SourceFile = {
  /** As it was named: for messages. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
};

export type Discovery = {
  readonly files?: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Default: the daemon's. */
  readonly places?: Places;
};

/**
 * Finds and reads the configuration: the files named, else `$KEYWARDEN_CONFIG`, else the system's file, else
 * the one in the working folder. A file that was named must be there. Faults are added to `faults`.
 */
export async function discover(discovery: Discovery, faults: Fault[]): Promise<readonly SourceFile[]> {
  const { files = [], env, cwd, places = DAEMON } = discovery;
  const named = files.length > 0 ? [...new Set(files)] : env.KEYWARDEN_CONFIG ? [env.KEYWARDEN_CONFIG] : [];
  if (named.length > 0) {
    const read = await Promise.all(named.map((name) => readSource(name, cwd, true, faults)));
    return read.filter((file) => file !== null);
  }
  for (const name of [places.system, places.local]) {
    const file = await readSource(name, cwd, false, faults);
    if (file !== null) return [file];
    if (faults.length > 0) return [];
  }
  faults.push(
    fileFault(places.local, {
      problem: `no configuration found: no --config, no $KEYWARDEN_CONFIG, no ${places.system}, no ./${places.local}`,
      hint: places.hint,
    }),
  );
  return [];
}

async function readSource(
  name: string,
  cwd: string,
  must: boolean,
  faults: Fault[],
): Promise<SourceFile | null> {
  const path = resolve(cwd, name);
  try {
    const bytes = await readBounded(path);
    if (bytes === null)
      faults.push(fileFault(name, { problem: 'larger than 1 MiB: this is no configuration' }));
    else return { name, path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    const reason = reasonOf(error);
    if (must || reason !== MISSING) {
      const hint =
        reason === MISSING ? 'give the path of a configuration, or make one with `keywarden init`' : null;
      faults.push(fileFault(name, { problem: `cannot be read: ${reason}`, hint }));
    }
  }
  return null;
}

async function readBounded(path: string): Promise<Buffer | null> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (length > MAX_BYTES) return null;
      if (bytesRead === 0) return buffer.subarray(0, length);
    }
  } finally {
    await handle.close();
  }
}

const MISSING = 'there is no such file';
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: MISSING,
  ENOTDIR: MISSING,
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links form a loop',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

/** Why a file could not be read, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return REASONS[code] ?? code;
}

function fileFault(file: string, verdict: { problem: string; hint?: string | null }): Fault {
  const whole: KeyPath = [];
  return faultAt({ file, line: 1, column: 1 }, whole, verdict);
}
