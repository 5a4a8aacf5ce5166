import type { Kysely } from 'kysely';
import { prepared } from './prepared.ts';
import type { Tables } from './tables.ts';

/**
 * What is counted: claims, and how often the state was opened and proven. The last two are writes for their own sake: SQLite
 * writes nothing where a row already holds what it is set to.
 */
type Counter = 'fence' | 'opened' | 'proof';

type Raise = { name: Counter; by: number };

const raise = prepared((db, { name, by }: Raise) =>
  db
    .updateTable('counters')
    .set((eb) => ({ value: eb('value', '+', by) }))
    .where('name', '=', name)
    .returning('value'),
);
const begin = prepared((db, { name, by }: Raise) => db.insertInto('counters').values({ name, value: by }));

/** Raises a number by `by` and returns it. It holds the counter until the transaction's end, so no two get the same. */
export async function raiseCounter(db: Kysely<Tables>, name: Counter, by: number): Promise<number> {
  const { rows } = await raise(db, { name, by });
  const [raised] = rows;
  if (raised === undefined) await begin(db, { name, by });
  return raised?.value ?? by;
}
