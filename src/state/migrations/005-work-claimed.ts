import type { Kysely } from 'kysely';

/** What is due next in a lane is found without reading all that waits there: 20,000 messages after a bad hour. */
export async function workClaimed(db: Kysely<never>): Promise<void> {
  await db.schema
    .createIndex('work_claimed')
    .on('work')
    .columns(['lane', 'claimed_until', 'due_at'])
    .execute();
}
