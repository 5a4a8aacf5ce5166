import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/**
 * What is counted: claims, entries of the audit log, and how often the state was opened and proven. The last two are writes for
 * their own sake: SQLite writes nothing where a row already holds what it is set to.
 */
type Counter = 'fence' | 'audit' | 'opened' | 'proof';

/** Raises a number by `by` and returns it. It holds the counter until the transaction's end, so no two get the same. */
export async function raiseCounter(db: Kysely<Tables>, name: Counter, by: number): Promise<number> {
  const { value } = await db
    .insertInto('counters')
    .values({ name, value: by })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((eb) => ({ value: eb('counters.value', '+', by) })),
    )
    .returning('value')
    .executeTakeFirstOrThrow();
  return value;
}
