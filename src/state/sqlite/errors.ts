import { StateError, type StateErrorCode } from '../contract.ts';

/*
 * SQLite's result codes (https://sqlite.org/rescode.html); the low byte of an extended code is the primary one.
 */
const FULL = 13;
const CONSTRAINT = 19;
const CONSTRAINT_UNIQUE = 2067;
const CONSTRAINT_PRIMARYKEY = 1555;
const READONLY_DBMOVED = 1032;

const CODES: ReadonlyMap<number, StateErrorCode> = new Map([
  [3, 'state_unwritable'], // PERM
  [5, 'state_locked'], // BUSY
  [6, 'state_locked'], // LOCKED
  [8, 'state_unwritable'], // READONLY
  [10, 'state_unwritable'], // IOERR
  [11, 'state_corrupt'], // CORRUPT
  [FULL, 'state_full'],
  [14, 'state_unwritable'], // CANTOPEN
  [26, 'state_corrupt'], // NOTADB
]);

/** What SQLite threw about `file`, as the state tells it. What is no fault of the database or the disk stays as it is. */
export function explainSqlite(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error;
  if (error.errcode === CONSTRAINT_UNIQUE || error.errcode === CONSTRAINT_PRIMARYKEY) {
    return new StateError('conflict', `somebody else wrote first (${error.message}); nothing was written`);
  }
  if (error.errcode === READONLY_DBMOVED) return replaced(file);
  const primary = error.errcode & 0xff;
  const code = CODES.get(primary);
  if (primary === CONSTRAINT || code === undefined) return error;
  return new StateError(code, `${describe(code, file)} (SQLite: ${error.message})`);
}

function describe(code: StateErrorCode, file: string): string {
  switch (code) {
    case 'state_locked':
      return `${file} is held by another process; only one Keywarden may use a state: stop the other, or give this one a state.directory of its own`;
    case 'state_full':
      return `the disk that holds ${file} is full, nothing was written; free some space, Keywarden goes on by itself`;
    case 'state_corrupt':
      return `${file} is damaged or no database; restore it from a backup, or move it away to start anew (Keywarden then adopts the keys it finds in the destinations)`;
    default:
      return `${file} cannot be read or written; see that its directory exists, belongs to Keywarden's user and is on a writable, healthy disk`;
  }
}

/** The file at the path is no longer the one that was opened. */
export function replaced(file: string): StateError {
  return new StateError(
    'state_replaced',
    `${file} was deleted or replaced while it was open: what is written now would be lost; restart Keywarden`,
  );
}

/** What the file system threw about `path`. */
export function explainFile(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof StateError) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new StateError('state_full', `the disk that is to hold ${path} is full; free some space`);
  }
  return new StateError(
    'state_unwritable',
    `${path} cannot be made or read (${String(error.code)}); see that its directory exists and belongs to Keywarden's user, or name another state.directory`,
  );
}
