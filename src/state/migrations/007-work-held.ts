import { type Kysely, sql } from 'kysely';

/** What is claimed now is read without what waits: in place of an index of all that is due. */
export async function workHeld(db: Kysely<never>): Promise<void> {
  await db.schema.dropIndex('work_claimed').execute();
  await db.schema
    .createIndex('work_held')
    .on('work')
    .columns(['lane', 'claimed_until', 'due_at'])
    .where(sql.ref('claimed_until'), 'is not', null)
    .execute();
}
