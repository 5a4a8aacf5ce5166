import type { Kysely } from 'kysely';
import type { Change, KeyUser, ObservedMint } from '../model/index.ts';
import { prepared } from './prepared.ts';
import { keyUserRow, mintRow } from './rows/log.ts';
import type { KeyUserTable, MintTable, Tables } from './tables.ts';

type Db = Kysely<Tables>;

/** Of a key with more users the ones longest unseen go. */
const USERS_KEPT = 100;

const insertMint = prepared((db, row: MintTable) =>
  db
    .insertInto('mints')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doNothing()),
);

/** Returns the credential that this changed: none where the event was seen before. */
export async function putMint(db: Db, mint: ObservedMint): Promise<string | null> {
  const { numAffectedRows } = await insertMint(db, mintRow(mint));
  return numAffectedRows === 0n ? null : mint.credential;
}

/** The row stays, so that the same event is known. Returns the credential that this changed, if any. */
export async function settleMint(db: Db, id: string): Promise<string | null> {
  const row = await db
    .updateTable('mints')
    .set({ settled: 1 })
    .where('id', '=', id)
    .where('settled', '=', 0)
    .returning('credential')
    .executeTakeFirst();
  return row?.credential ?? null;
}

const addRow = prepared((db, row: KeyUserTable) =>
  db
    .insertInto('key_users')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['key_id', 'ip', 'user_agent']).doUpdateSet((eb) => ({
        calls: eb('key_users.calls', '+', eb.ref('excluded.calls')),
        first_seen_at: eb
          .case()
          .when('excluded.first_seen_at', '<', eb.ref('key_users.first_seen_at'))
          .then(eb.ref('excluded.first_seen_at'))
          .else(eb.ref('key_users.first_seen_at'))
          .end(),
        last_seen_at: eb
          .case()
          .when('excluded.last_seen_at', '>', eb.ref('key_users.last_seen_at'))
          .then(eb.ref('excluded.last_seen_at'))
          .else(eb.ref('key_users.last_seen_at'))
          .end(),
      })),
    ),
);

export async function addUser(db: Db, user: KeyUser): Promise<void> {
  await addRow(db, keyUserRow(user));
}

const countUsers = prepared((db, { keyId }: { keyId: string }) =>
  db
    .selectFrom('key_users')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('key_id', '=', keyId),
);

/** Keeps the users of the keys that were added to within their bound. */
export async function boundUsers(db: Db, changes: readonly Change[]): Promise<void> {
  const keyIds = changes.flatMap((change) => (change.type === 'user.add' ? [change.user.keyId] : []));
  for (const keyId of new Set(keyIds)) {
    const { rows } = await countUsers(db, { keyId });
    const excess = Number(rows[0]?.count ?? 0) - USERS_KEPT;
    if (excess > 0) await dropLongestUnseen(db, keyId, excess);
  }
}

async function dropLongestUnseen(db: Db, keyId: string, count: number): Promise<void> {
  const rows = await db
    .selectFrom('key_users')
    .select(['ip', 'user_agent'])
    .where('key_id', '=', keyId)
    .orderBy('last_seen_at')
    .orderBy('ip')
    .orderBy('user_agent')
    .limit(count)
    .execute();
  for (const { ip, user_agent } of rows) {
    await db
      .deleteFrom('key_users')
      .where('key_id', '=', keyId)
      .where('ip', '=', ip)
      .where('user_agent', '=', user_agent)
      .execute();
  }
}
