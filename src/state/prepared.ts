import type { Compilable, DatabaseConnection, DialectAdapter, Kysely, QueryResult } from 'kysely';
import { CompiledQuery } from 'kysely';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;
type Value = string | number | null | readonly (string | number)[];

/** Stands for a value until there is one. */
class Slot {
  readonly name: string;
  readonly index: number | null;

  constructor(name: string, index: number | null) {
    this.name = name;
    this.index = index;
  }

  of(values: { readonly [name: string]: Value }): unknown {
    const value = values[this.name];
    return this.index === null ? value : (value as readonly unknown[])[this.index];
  }
}

/** Lists differ in length, and each length has a text of its own: a query keeps this many. */
const TEXTS = 100;

/**
 * A query that is built and compiled once for each dialect, and then only gets its values: building it costs ten times what
 * the database needs to run it. `build` must not look at the values it is given, for they are none: it only places them.
 * A list may be of any length.
 *
 * @example
 * const byName = prepared((db, { name }: { name: string }) => db.selectFrom('credentials').selectAll().where('name', '=', name));
 * const { rows } = await byName(db, { name: 'frameflow-prod' });
 */
export function prepared<Values extends { readonly [name: string]: Value }, Row>(
  build: (db: Db, values: Values) => Compilable<Row>,
): (db: Db, values: Values) => Promise<QueryResult<Row>> {
  const dialects = new WeakMap<DialectAdapter, Map<string, CompiledQuery<Row>>>();
  return (db, values) => {
    const { adapter } = db.getExecutor();
    let texts = dialects.get(adapter);
    if (texts === undefined) {
      texts = new Map();
      dialects.set(adapter, texts);
    }
    const shape = shapeOf(values);
    let query = texts.get(shape);
    if (query === undefined) {
      query = build(db, slotsFor(values)).compile();
      if (texts.size === TEXTS) texts.clear();
      texts.set(shape, query);
    }
    const { sql, queryId, parameters } = query;
    const filled = parameters.map((slot) => (slot instanceof Slot ? slot.of(values) : slot));
    return run(db, { sql, query: query.query, queryId, parameters: filled });
  };
}

/** The lengths of the lists among the values. */
function shapeOf(values: { readonly [name: string]: Value }): string {
  let shape = '';
  for (const name in values) {
    const value = values[name];
    if (Array.isArray(value)) shape += `${value.length} `;
  }
  return shape;
}

function slotsFor<Values extends { readonly [name: string]: Value }>(values: Values): Values {
  const slots = Object.entries(values).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map((_, index) => new Slot(name, index)) : new Slot(name, null),
  ]);
  return Object.fromEntries(slots);
}

/** The connection of a transaction, for as long as that lasts. */
const connections = new WeakMap<Db, DatabaseConnection>();

/**
 * Lets prepared queries go straight to the connection that `trx` has to itself; the way there through Kysely's queue costs more
 * than most of them.
 */
export async function straight(trx: Db): Promise<void> {
  connections.set(trx, await trx.getExecutor().provideConnection(async (connection) => connection));
}

/** A statement of SQL that every database has, without values: for a transaction that {@link straight} was called with. */
export function statement(sql: string): (trx: Db) => Promise<void> {
  const query = CompiledQuery.raw(sql);
  return async (trx) => {
    await run(trx, query);
  };
}

function run<Row>(db: Db, query: CompiledQuery<Row>): Promise<QueryResult<Row>> {
  const connection = connections.get(db);
  return connection === undefined ? db.executeQuery(query) : connection.executeQuery(query);
}
