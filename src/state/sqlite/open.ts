import { DatabaseSync } from 'node:sqlite';
import { StateError } from '../contract.ts';
import { explainSqlite } from './errors.ts';
import { FileWatch, makePrivate } from './files.ts';

/** "KeyW": tells our files from other programs' databases. */
const APPLICATION_ID = 0x4b657957;
/**
 * A page of the log of a large account changes a thousand records, each on a page of its own: 4 MB, which shall fit into the
 * cache (KiB), and not bring about a checkpoint (pages of 4 KiB) by itself. Both cost memory and disk only where they are used.
 */
const CACHE = 16_384;
const CHECKPOINT = 4_000;
/** How long to wait at the start for somebody who only looks at the file, in ms. */
const PATIENCE = 250;
/** What must be whole; it grows with the credentials only, so that looking at all of it stays cheap. */
const CHECKED = [
  'meta',
  'counters',
  'sealed',
  'credentials',
  'versions',
  'destinations',
  'clients',
  'authorizations',
  'work',
  'monitors',
];

/** A database that this process holds alone, and the check that it still is the file at the path. */
export type Opened = { readonly database: DatabaseSync; readonly guard: () => void };

/**
 * Opens or makes the file and holds its lock until the process ends, however that comes.
 * @throws {StateError} `state_locked`, `state_corrupt`, `state_exposed`, `state_unwritable`, `state_full`
 */
export function openFile(file: string): Opened {
  makePrivate(file);
  const watch = new FileWatch(file);
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { timeout: PATIENCE });
    // Before the first read: with a write-ahead log that then takes the lock for good, and needs no shared memory file.
    database.exec('pragma locking_mode = exclusive');
    const isNew = identify(database, file);
    configure(database);
    const [mode] = Object.values(database.prepare('pragma journal_mode = wal').get() ?? {});
    if (mode !== 'wal') {
      throw new StateError('state_unwritable', `${file}: this file system takes no write-ahead log`);
    }
    if (isNew) database.exec(`pragma application_id = ${APPLICATION_ID}`);
    else quickCheck(database, file);
    watch.check();
    return { database, guard: () => watch.check() };
  } catch (error) {
    database?.close();
    throw explainSqlite(error, file);
  }
}

/** The same database in memory alone: gone with the process, or with the last reference to it. */
export function openMemoryDatabase(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  database.exec('pragma foreign_keys = on');
  return database;
}

function configure(database: DatabaseSync): void {
  // Deleted values are overwritten: what a former master key sealed does not stay behind in free pages.
  database.exec('pragma synchronous = full; pragma foreign_keys = on; pragma secure_delete = on');
  database.exec(`pragma cache_size = -${CACHE}; pragma wal_autocheckpoint = ${CHECKPOINT}`);
}

/** True for a file without content. @throws {StateError} where the database is another program's */
function identify(database: DatabaseSync, file: string): boolean {
  const tables = database.prepare('select count(*) as count from sqlite_master').get()?.count;
  if (tables === 0) return true;
  const id = database.prepare('pragma application_id').get()?.application_id;
  if (id === APPLICATION_ID) return false;
  throw new StateError(
    'state_corrupt',
    `${file} is the database of another program; name another state.directory, or move the file away`,
  );
}

function quickCheck(database: DatabaseSync, file: string): void {
  for (const table of CHECKED) {
    const known = database.prepare('select 1 from sqlite_master where name = ?').get(table);
    if (known === undefined) continue;
    const [found] = Object.values(database.prepare(`pragma quick_check(${table})`).get() ?? {});
    if (found === 'ok') continue;
    throw new StateError(
      'state_corrupt',
      `${file} is damaged (table ${table}); restore it from a backup, or move it away to start anew ` +
        '(Keywarden then adopts the keys it finds in the destinations)',
    );
  }
}
