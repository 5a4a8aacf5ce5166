import type { Kysely } from 'kysely';
import type { GrantState } from '../../model/index.ts';
import { prepared } from '../prepared.ts';
import type { Tables } from '../tables.ts';

type Db = Kysely<Tables>;

/** What a grant is counted under. */
export type Counted = { readonly client: string; readonly state: GrantState; readonly key_id: string };

const raise = prepared((db, { by, ...counted }: Counted & { by: number }) =>
  db
    .insertInto('grant_counts')
    .values({ ...counted, count: by })
    .onConflict((conflict) =>
      conflict
        .columns(['client', 'state', 'key_id'])
        .doUpdateSet((eb) => ({ count: eb('grant_counts.count', '+', by) })),
    ),
);

/** What one commit changes in the counts: written once, however many grants it has. */
export class Tally {
  readonly #changed = new Map<string, { readonly counted: Counted; by: number }>();

  add({ client, state, key_id }: Counted, by: number): void {
    const name = JSON.stringify([client, state, key_id]);
    const known = this.#changed.get(name);
    if (known === undefined) this.#changed.set(name, { counted: { client, state, key_id }, by });
    else known.by += by;
  }

  /** In the transaction that makes it so: what is rolled back was never counted. */
  async write(db: Db): Promise<void> {
    for (const { counted, by } of this.#changed.values()) {
      if (by !== 0) await raise(db, { ...counted, by });
    }
  }
}

const countsOf = prepared((db, { client }: { client: string }) =>
  db.selectFrom('grant_counts').select(['state', 'count']).where('client', '=', client),
);

export async function readCounts(db: Db, client: string): Promise<Readonly<Record<GrantState, number>>> {
  const counts: Record<GrantState, number> = { active: 0, 'consent-required': 0, forgotten: 0 };
  const { rows } = await countsOf(db, { client });
  for (const row of rows) counts[row.state] += row.count;
  return counts;
}

/** The keys that seal any grant's tokens, by id. */
export async function countedKeys(db: Db): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('grant_counts')
    .select('key_id')
    .distinct()
    .where('count', '>', 0)
    .orderBy('key_id')
    .execute();
  return rows.map((row) => row.key_id);
}

/** The clients that have, or had, grants. */
export async function clientsWithGrants(db: Db): Promise<readonly string[]> {
  const rows = await db.selectFrom('grant_counts').select('client').distinct().execute();
  return rows.map((row) => row.client);
}
