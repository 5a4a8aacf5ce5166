import { Kysely } from 'kysely';
import { type Clock, Secret } from '../../src/model/index.ts';
import { voidClaims } from '../../src/state/claims.ts';
import type { State } from '../../src/state/contract.ts';
import { prepare, stateOf } from '../../src/state/database.ts';
import { KeyRing } from '../../src/state/sealing.ts';
import { nodeSqlite } from '../../src/state/sqlite/dialect.ts';
import { explainSqlite } from '../../src/state/sqlite/errors.ts';
import { openMemoryDatabase } from '../../src/state/sqlite/index.ts';
import { Copies, type Copy } from '../../src/state/sqlite/testing/copies.ts';
import type { Tables } from '../../src/state/tables.ts';

/**
 * The real SQLite layer, in memory and prepared once: between two seeds its tables are put back to what they were. Several
 * engines share it as replicas share a server: each with an owner's name of its own, none voiding another's claims.
 */
export class Database {
  readonly #database = openMemoryDatabase();
  readonly #keys = new KeyRing([Secret.from(Buffer.alloc(32, 2))]);
  readonly #db: Kysely<Tables>;
  #copies: Copies | null = null;
  #fresh: Copy = [];

  constructor() {
    const dialect = nodeSqlite(this.#database, (error) => explainSqlite(error, 'the simulated database'));
    this.#db = new Kysely<Tables>({ dialect });
  }

  async prepare(): Promise<void> {
    await prepare({ db: this.#db, keys: this.#keys, now: () => 0, owner: 'sim', guard: () => undefined });
    this.#copies = new Copies(this.#database);
    this.#fresh = this.backup();
  }

  open(owner: string, clock: Clock): State {
    return stateOf({ db: this.#db, keys: this.#keys, now: () => clock.now(), owner, guard: () => undefined });
  }

  /** As a start on SQLite does: whoever made these claims is dead. */
  voidClaims(): Promise<void> {
    return voidClaims(this.#db);
  }

  backup(): Copy {
    return this.#prepared.take();
  }

  restore(copy: Copy): void {
    this.#prepared.restore(copy);
  }

  /** Back to a fresh database. */
  reset(): void {
    this.restore(this.#fresh);
  }

  /** Every text that stands anywhere in it. */
  texts(): string {
    return JSON.stringify(this.backup());
  }

  get #prepared(): Copies {
    if (this.#copies === null) throw new Error('the simulated database is not prepared');
    return this.#copies;
  }
}
