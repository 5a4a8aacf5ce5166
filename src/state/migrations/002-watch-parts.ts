import { type Kysely, sql } from 'kysely';

/** What a log watch remembers, in parts; and which rotation superseded a version, for those who ask by the version. */
export async function watchParts(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('watch_parts')
    .addColumn('monitor', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('seen_on', 'integer')
    .addPrimaryKeyConstraint('watch_parts_key', ['monitor', 'name'])
    .execute();
  // Of keys there may be a hundred thousand, written with every page: none is in it.
  await db.schema
    .createIndex('watch_parts_general')
    .on('watch_parts')
    .columns(['monitor', 'name'])
    .where(sql.ref('seen_on'), 'is', null)
    .execute();
  await db.schema
    .createIndex('rotations_by_previous')
    .on('rotations')
    .column('previous_version_id')
    .execute();
}
