import type { DatabaseSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import type { Secret } from '../../model/index.ts';
import { voidClaims } from '../claims.ts';
import type { State } from '../contract.ts';
import { type DatabaseOptions, prepare, stateOf } from '../database.ts';
import { KeyRing } from '../sealing.ts';
import type { Tables } from '../tables.ts';
import { nodeSqlite } from './dialect.ts';
import { explainSqlite } from './errors.ts';
import { type Opened, openFile, openMemoryDatabase } from './open.ts';

export type SqliteOptions = {
  /** Absolute path of the database; its directory is made where it is missing. */
  readonly file: string;
  /** The master keys, 32 raw bytes each: the first seals, all open. */
  readonly keys: readonly Secret[];
  /** Wall time, integer ms. */
  readonly now: () => number;
  /** Names this process in its claims. */
  readonly owner: string;
  /** Hears from time to time how many rows of a long migration are done. */
  readonly progress?: (rows: number) => void;
};

/**
 * The state in one SQLite file, which this process holds alone until it ends.
 *
 * @throws {StateError} with any code but `claim_lost`, `conflict` and `bad_cursor`
 * @example
 * const state = await openSqlite({ file: '/var/lib/keywarden/keywarden.db', keys: [key], now: () => clock.now(), owner: 'daemon-1' });
 */
export async function openSqlite(options: SqliteOptions): Promise<State> {
  const keys = new KeyRing(options.keys);
  const opened = openFile(options.file);
  const lasting = synchronous(opened.database);
  return openState(opened, { ...options, keys, gather: turnOfTheEventLoop, lasting });
}

/** With a write-ahead log `normal` does not wait for the disk; the next commit that does puts all before it there too. */
function synchronous(database: DatabaseSync): (lasts: boolean) => void {
  let full: boolean | null = null;
  return (lasts) => {
    if (full !== lasts) database.exec(`pragma synchronous = ${lasts ? 'full' : 'normal'}`);
    full = lasts;
  };
}

/**
 * The wait for the disk stops the whole process, and when it is over, many answers are there at once: unless all of them are
 * looked at before the next transaction, each gets one of its own.
 */
function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * The same state in memory. `database` (of {@link openMemoryDatabase}) outlives a state that is dropped unclosed: opened again,
 * it is what a killed process would find.
 */
export async function openMemory({
  database = openMemoryDatabase(),
  ...options
}: Omit<SqliteOptions, 'file'> & { readonly database?: DatabaseSync }): Promise<State> {
  const keys = new KeyRing(options.keys);
  return openState({ database, guard: () => {} }, { ...options, keys, file: 'the database in memory' });
}

/** The state over an opened database; closes that where it cannot be used. */
export async function openState(
  { database, guard }: Opened,
  {
    file,
    keys,
    now,
    owner,
    ...commits
  }: Omit<SqliteOptions, 'keys'> & Pick<DatabaseOptions, 'keys' | 'gather' | 'lasting'>,
): Promise<State> {
  const explain = (error: unknown) => explainSqlite(error, file);
  const db = new Kysely<Tables>({ dialect: nodeSqlite(database, explain) });
  // What is deleted or sealed anew stays in the write-ahead log until that is emptied.
  const purge = async () => {
    await sql`pragma wal_checkpoint(truncate)`.execute(db);
  };
  const options = { db, keys, now, owner, guard, purge, ...commits };
  try {
    const resealed = await prepare(options);
    if (resealed > 0) await purge();
    await voidClaims(db);
    guard();
    return stateOf(options);
  } catch (error) {
    database.close();
    throw explain(error);
  }
}

export { openMemoryDatabase };
