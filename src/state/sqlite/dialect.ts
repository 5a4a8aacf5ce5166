import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely';

/** One for all databases: queries are compiled for an adapter. */
const ADAPTER = new SqliteAdapter();

/** Lists of parameters vary in length, so texts may: beyond this many the one prepared first is dropped. */
const STATEMENTS = 200;

/**
 * Kysely on `node:sqlite`: one connection, which Kysely hands to one caller at a time, statements prepared once.
 * `explain` turns what SQLite throws into what the state throws.
 */
export function nodeSqlite(database: DatabaseSync, explain: (error: unknown) => unknown): Dialect {
  return {
    createAdapter: () => ADAPTER,
    createDriver: () => new NodeSqliteDriver(database, explain),
    createIntrospector: (db: Kysely<never>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class NodeSqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #connection: NodeSqliteConnection;
  #reads = false;

  constructor(database: DatabaseSync, explain: (error: unknown) => unknown) {
    this.#database = database;
    this.#connection = new NodeSqliteConnection(database, explain);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  /**
   * A writer takes the lock at once: one that first read and then finds it taken could only fail. Who only reads needs
   * no transaction: while he has the one connection, nobody writes.
   */
  async beginTransaction(_: DatabaseConnection, { accessMode }: TransactionSettings): Promise<void> {
    this.#reads = accessMode === 'read only';
    if (!this.#reads) this.#connection.run('begin immediate');
  }

  /** Throws where SQLite has rolled back meanwhile: nothing may seem to be written that is not. */
  async commitTransaction(): Promise<void> {
    if (!this.#reads) this.#connection.run('commit');
  }

  /** SQLite itself rolls back after some errors (a full disk among them); then there is nothing left to do. */
  async rollbackTransaction(): Promise<void> {
    if (this.#database.isTransaction) this.#connection.run('rollback');
  }

  async savepoint(_: DatabaseConnection, name: string): Promise<void> {
    this.#connection.run(`savepoint "${name}"`);
  }

  async rollbackToSavepoint(_: DatabaseConnection, name: string): Promise<void> {
    this.#connection.run(`rollback to "${name}"`);
  }

  async releaseSavepoint(_: DatabaseConnection, name: string): Promise<void> {
    this.#connection.run(`release "${name}"`);
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#database.close();
  }
}

type Prepared = { readonly statement: StatementSync; readonly columns: readonly string[] };

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #explain: (error: unknown) => unknown;
  readonly #prepared = new Map<string, Prepared>();

  constructor(database: DatabaseSync, explain: (error: unknown) => unknown) {
    this.#database = database;
    this.#explain = explain;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    return this.run<Row>(sql, parameters as readonly SQLInputValue[]);
  }

  run<Row>(sql: string, parameters: readonly SQLInputValue[] = []): QueryResult<Row> {
    try {
      const { statement, columns } = this.#prepare(sql);
      if (columns.length > 0) return { rows: rowsOf(columns, statement.all(...parameters)) as Row[] };
      return { rows: [], numAffectedRows: BigInt(statement.run(...parameters).changes) };
    } catch (error) {
      throw this.#explain(error);
    }
  }

  streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('the state reads pages, it does not stream');
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    // Rows as arrays: the objects that it makes are slow to make and to read.
    statement.setReturnArrays(true);
    const prepared = { statement, columns: statement.columns().map(({ name }) => name) };
    this.#prepared.set(sql, prepared);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size > STATEMENTS && oldest !== undefined) this.#prepared.delete(oldest);
    return prepared;
  }
}

function rowsOf(columns: readonly string[], found: readonly unknown[]): unknown[] {
  return (found as readonly (readonly unknown[])[]).map((values) => {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < columns.length; index += 1) row[columns[index] ?? ''] = values[index];
    return row;
  });
}
