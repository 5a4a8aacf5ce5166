import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StateError } from '../contract.ts';
import { explainFile, replaced } from './errors.ts';

/** What SQLite keeps beside a database. */
const COMPANIONS = ['-wal', '-shm', '-journal'];
const GROUP_OR_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Makes the directory (0700) and the file (0600) where they are missing, and refuses those that other users could read or
 * replace. SQLite itself would make the file 0644 under an ordinary umask; what it keeps beside it gets the file's mode.
 *
 * A directory that is there already is never changed: it may be somebody else's. Its listing may be public, for the file is not.
 * The file is never opened here: closing it would drop the locks that SQLite holds on it in this process
 * (https://sqlite.org/howtocorrupt.html, 2.2).
 *
 * @throws {StateError} `state_exposed`, `state_unwritable`, `state_full`
 */
export function makePrivate(file: string): void {
  const directory = dirname(file);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { mode } = statSync(directory);
    if ((mode & WRITABLE_BY_OTHERS) !== 0) throw exposed(directory, mode, '700');
    createEmpty(file, directory);
    for (const path of [file, ...COMPANIONS.map((suffix) => file + suffix)]) refuseExposed(path);
  } catch (error) {
    throw explainFile(error, file);
  }
}

function createEmpty(file: string, directory: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw error;
  }
  const folder = openSync(directory, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function refuseExposed(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile()) {
    throw new StateError('state_unwritable', `${path} is not a regular file; name another state.directory`);
  }
  if ((stat.mode & GROUP_OR_OTHERS) !== 0) throw exposed(path, stat.mode, '600');
}

function exposed(path: string, mode: number, wanted: string): StateError {
  const octal = (mode & 0o777).toString(8).padStart(3, '0');
  return new StateError(
    'state_exposed',
    `${path} is open to other users (mode ${octal}); run: chmod ${wanted} ${path}`,
  );
}

/** Which file a path leads to; null where to none. */
function identity(path: string): string | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}

/**
 * Watches that the path still leads to the file that was opened, and to its write-ahead log. A deleted or replaced file goes
 * on taking writes without any error. Costs some microseconds.
 */
export class FileWatch {
  readonly #file: string;
  readonly #database: string | null;
  #log: string | null = null;

  /** To be made before SQLite opens the file. */
  constructor(file: string) {
    this.#file = file;
    this.#database = identity(file);
  }

  /** @throws {StateError} `state_replaced`, `state_unwritable` */
  check(): void {
    try {
      const log = identity(`${this.#file}-wal`);
      this.#log ??= log;
      if (identity(this.#file) !== this.#database || log !== this.#log) throw replaced(this.#file);
    } catch (error) {
      throw explainFile(error, this.#file);
    }
  }
}
