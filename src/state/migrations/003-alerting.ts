import { type Kysely, sql } from 'kysely';

/** Alerts know since when they hold as they do, and whether a person reported them; silences; what was sent last. */
export async function alerting(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('alerts')
    .addColumn('triggered_at', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema.alterTable('alerts').addColumn('reported_at', 'bigint').execute();
  await sql`update alerts set triggered_at = first_seen_at`.execute(db);
  await db.schema
    .createIndex('alerts_open')
    .on('alerts')
    .columns(['credential', 'kind'])
    .where(sql.ref('state'), '<>', sql.lit('resolved'))
    .execute();
  await db.schema.createIndex('deliveries_sent').on('deliveries').columns(['channel', 'at']).execute();
  await db.schema
    .createTable('silences')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('credential', 'text', (column) => column.notNull())
    .addColumn('severity', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('author', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('silences_by_end').on('silences').column('ends_at').execute();
}
