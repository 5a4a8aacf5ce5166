import { type Kysely, sql } from 'kysely';

/** The few events that nobody has taken on yet are found without reading every alert that there was. */
export async function criticalEvents(db: Kysely<never>): Promise<void> {
  await db.schema
    .createIndex('alerts_critical_events')
    .on('alerts')
    .column('triggered_at')
    .where(sql.ref('transient'), '=', sql.lit(1))
    .where(sql.ref('severity'), '=', sql.lit('critical'))
    .execute();
}
