import type { Kysely } from 'kysely';

/** Alerts know when they were acknowledged: where one gets worse, its message says so. */
export async function acknowledged(db: Kysely<never>): Promise<void> {
  await db.schema.alterTable('alerts').addColumn('acknowledged_at', 'bigint').execute();
}
