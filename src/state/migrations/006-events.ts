import { type Kysely, sql } from 'kysely';

/** Alerts know whether they are events, which are resolved from the first without ever having held. */
export async function events(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('alerts')
    .addColumn('transient', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`update alerts set transient = 1 where kind in ('rotation-completed', 'test')`.execute(db);
}
