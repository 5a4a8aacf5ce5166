import type { Kysely } from 'kysely';
import type { KeyRing } from '../sealing.ts';
import type { GrantTable, Tables } from '../tables.ts';
import { clientsWithGrants, countedKeys, Tally } from './counts.ts';
import { openNarrow, openTokens, sealNarrow, sealTokens } from './tokens.ts';

type Db = Kysely<Tables>;

const BATCH = 500;

/** The keys that seal tokens of any grant, by id. */
export async function keysOfGrants(db: Db): Promise<readonly string[]> {
  const rows = await db.selectFrom('narrow_tokens').select('key_id').distinct().execute();
  return [...new Set([...(await countedKeys(db)), ...rows.map((row) => row.key_id)])];
}

/** Seals anew what another key than the first sealed, a batch a transaction; returns how many boxes that were. */
export async function resealGrants(db: Db, keys: KeyRing): Promise<number> {
  let total = 0;
  for (const former of await keysOfGrants(db)) {
    if (former === keys.sealingId) continue;
    for (const client of await clientsWithGrants(db)) total += await resealClient(db, keys, client, former);
    total += await resealNarrow(db, keys, former);
  }
  return total;
}

/** Along the primary key, each row looked at once: no index by key, which every grant would have to pay for. */
async function resealClient(db: Db, keys: KeyRing, client: string, former: string): Promise<number> {
  let total = 0;
  let after: string | null = null;
  for (;;) {
    const batch: readonly Resealed[] = await db
      .transaction()
      .execute((trx) => resealBatch(trx, keys, { client, former, after }));
    total += batch.length;
    after = batch.at(-1)?.subject ?? null;
    if (batch.length < BATCH) return total;
  }
}

type Resealed = Pick<GrantTable, 'subject' | 'state' | 'box'>;
type Former = { readonly client: string; readonly former: string; readonly after: string | null };

async function resealBatch(
  db: Db,
  keys: KeyRing,
  { client, former, after }: Former,
): Promise<readonly Resealed[]> {
  let select = db.selectFrom('grants').select(['subject', 'state', 'box']).where('client', '=', client);
  if (after !== null) select = select.where('subject', '>', after);
  const rows = await select.where('key_id', '=', former).orderBy('subject').limit(BATCH).execute();
  const tally = new Tally();
  for (const { subject, state, box } of rows) {
    const owner = { client, subject };
    const sealed = sealTokens(keys, owner, openTokens(keys, owner, { keyId: former, box }));
    await db
      .updateTable('grants')
      .set({ key_id: sealed.keyId, box: sealed.box })
      .where('client', '=', client)
      .where('subject', '=', subject)
      .execute();
    tally.add({ client, state, key_id: former }, -1);
    tally.add({ client, state, key_id: sealed.keyId }, 1);
  }
  await tally.write(db);
  return rows;
}

async function resealNarrow(db: Db, keys: KeyRing, former: string): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await db.transaction().execute((trx) => resealNarrowBatch(trx, keys, former));
    total += count;
    if (count < BATCH) return total;
  }
}

async function resealNarrowBatch(db: Db, keys: KeyRing, former: string): Promise<number> {
  const rows = await db
    .selectFrom('narrow_tokens')
    .select(['client', 'subject', 'scope', 'box'])
    .where('key_id', '=', former)
    .limit(BATCH)
    .execute();
  for (const { box, ...owner } of rows) {
    const sealed = sealNarrow(keys, owner, openNarrow(keys, owner, { keyId: former, box }));
    await db
      .updateTable('narrow_tokens')
      .set({ key_id: sealed.keyId, box: sealed.box })
      .where('client', '=', owner.client)
      .where('subject', '=', owner.subject)
      .where('scope', '=', owner.scope)
      .execute();
  }
  return rows.length;
}
