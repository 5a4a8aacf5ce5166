import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/** All rows of a database as they were at one moment. */
export type Copy = readonly (readonly (readonly SQLInputValue[])[])[];

type Table = {
  /** How many tables its rows refer to; none of those refers to others. */
  readonly parents: number;
  readonly read: StatementSync;
  readonly empty: StatementSync;
  readonly insert: StatementSync;
};

/**
 * Copies of one database in memory, and the way back to them: a simulated backup and its restoring, or a new start on a database
 * that was prepared once, for a fraction of what migrations cost. The connection and its prepared statements stay: `serialize`
 * and `deserialize` would void them all.
 *
 * @example
 * const copies = new Copies(database);   // prepared: the tables are there
 * const fresh = copies.take();
 * copies.restore(fresh);                 // between two commits, never within one
 */
export class Copies {
  readonly #database: DatabaseSync;
  readonly #tables: readonly Table[];

  constructor(database: DatabaseSync) {
    this.#database = database;
    const names = database.prepare("select name from sqlite_master where type = 'table' order by name").all();
    const tables = names.map(({ name }) => tableOf(database, String(name)));
    this.#tables = tables.toSorted((a, b) => a.parents - b.parents);
  }

  take(): Copy {
    return this.#tables.map(({ read }) => read.all() as unknown as SQLInputValue[][]);
  }

  /** Touches no pragma: each would have every prepared statement planned anew. */
  restore(copy: Copy): void {
    this.#database.exec('begin immediate');
    for (const { empty } of this.#tables.toReversed()) empty.run();
    for (const [index, { insert }] of this.#tables.entries()) {
      for (const row of copy[index] ?? []) insert.run(...row);
    }
    this.#database.exec('commit');
  }
}

function tableOf(database: DatabaseSync, name: string): Table {
  const read = database.prepare(`select * from "${name}"`);
  read.setReturnArrays(true);
  const values = read.columns().map(() => '?');
  return {
    parents: database.prepare(`pragma foreign_key_list("${name}")`).all().length,
    read,
    empty: database.prepare(`delete from "${name}"`),
    insert: database.prepare(`insert into "${name}" values (${values.join(', ')})`),
  };
}
