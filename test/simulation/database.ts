import { Kysely } from 'kysely';
import { type Clock, Secret } from '../../src/model/index.ts';
import { voidClaims } from '../../src/state/claims.ts';
import type { State } from '../../src/state/contract.ts';
import { prepare, stateOf } from '../../src/state/database.ts';
import { KeyRing } from '../../src/state/sealing.ts';
import { nodeSqlite } from '../../src/state/sqlite/dialect.ts';
import { explainSqlite } from '../../src/state/sqlite/errors.ts';
import { openMemoryDatabase } from '../../src/state/sqlite/index.ts';
import type { Tables } from '../../src/state/tables.ts';

/** The tables that are the same in every fresh database. */
const KEPT = new Set(['meta', 'sqlite_sequence']);

/**
 * The real SQLite layer, in memory and prepared once: between two seeds its tables are put back to what they were. Several
 * engines share it as replicas share a server: each with an owner's name of its own, none voiding another's claims.
 */
export class Database {
  readonly #database = openMemoryDatabase();
  readonly #keys = new KeyRing([Secret.from(Buffer.alloc(32, 2))]);
  readonly #db: Kysely<Tables>;
  #tables: readonly string[] = [];
  #backups = 0;

  constructor() {
    const dialect = nodeSqlite(this.#database, (error) => explainSqlite(error, 'the simulated database'));
    this.#db = new Kysely<Tables>({ dialect });
  }

  async prepare(): Promise<void> {
    await prepare({ db: this.#db, keys: this.#keys, now: () => 0, owner: 'sim', guard: () => undefined });
    const rows = this.#database.prepare("select name from sqlite_master where type = 'table'").all();
    this.#tables = rows.map(({ name }) => String(name)).filter((name) => !KEPT.has(name));
    this.backup();
  }

  open(owner: string, clock: Clock): State {
    return stateOf({ db: this.#db, keys: this.#keys, now: () => clock.now(), owner, guard: () => undefined });
  }

  /** As a start on SQLite does: whoever made these claims is dead. */
  voidClaims(): Promise<void> {
    return voidClaims(this.#db);
  }

  /** Makes a copy and gives its number; copy 0 is the fresh database, and of the others only the latest lasts. */
  backup(): number {
    if (this.#backups > 1) {
      this.#backups -= 1;
      this.#database.exec(`detach backup${this.#backups}`);
    }
    const name = `backup${this.#backups}`;
    this.#database.exec(`attach ':memory:' as ${name}`);
    for (const table of this.#tables)
      this.#database.exec(`create table ${name}.${table} as select * from main.${table}`);
    this.#backups += 1;
    return this.#backups - 1;
  }

  restore(number: number): void {
    this.#database.exec('pragma foreign_keys = off');
    for (const table of this.#tables) {
      this.#database.exec(
        `delete from main.${table}; insert into main.${table} select * from backup${number}.${table}`,
      );
    }
    this.#database.exec('pragma foreign_keys = on');
  }

  /** Back to a fresh database, without copies. */
  reset(): void {
    while (this.#backups > 1) {
      this.#backups -= 1;
      this.#database.exec(`detach backup${this.#backups}`);
    }
    this.restore(0);
  }

  /** Every text that stands anywhere in it. */
  texts(): string {
    return this.#tables
      .map((table) => JSON.stringify(this.#database.prepare(`select * from ${table}`).all()))
      .join('\n');
  }
}
