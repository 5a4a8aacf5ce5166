import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import { Secret } from '../model/index.ts';
import { type KeyRing, wrongKey } from './sealing.ts';
import type { Tables } from './tables.ts';

/** What a sealed value is: `table.column` of the row whose id it bears. */
export type Place = 'version.value' | 'journal.answer' | 'meta.fingerprint_key';

const BATCH = 200;
const FINGERPRINT_KEY_ID = 'database';

export async function putSecret(
  db: Kysely<Tables>,
  keys: KeyRing,
  { place, id, value, at }: { place: Place; id: string; value: Secret; at: number },
): Promise<void> {
  const { keyId, box } = keys.seal(place, id, value);
  const row = { key_id: keyId, box, stored_at: at };
  await db
    .insertInto('sealed')
    .values({ place, id, ...row })
    .onConflict((conflict) => conflict.columns(['place', 'id']).doUpdateSet(row))
    .execute();
}

export async function getSecret(
  db: Kysely<Tables>,
  keys: KeyRing,
  place: Place,
  id: string,
): Promise<Secret | null> {
  const row = await db
    .selectFrom('sealed')
    .select(['key_id', 'box'])
    .where('place', '=', place)
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined ? null : keys.open(place, id, { keyId: row.key_id, box: row.box });
}

/** @throws {StateError} `wrong_key` where a value was sealed with a key that is not configured; nothing is written */
export async function checkKeys(db: Kysely<Tables>, keys: KeyRing): Promise<void> {
  const used = await db.selectFrom('sealed').select('key_id').distinct().orderBy('key_id').execute();
  const missing = used.map((row) => row.key_id).filter((id) => !keys.ids.includes(id));
  if (missing.length > 0) throw wrongKey(missing, keys.ids);
}

/** Makes it once, with the database. It also is the sealed value that every database has, so that a wrong key is told at once. */
export async function ensureFingerprintKey(db: Kysely<Tables>, keys: KeyRing, at: number): Promise<void> {
  if ((await fingerprintKey(db, keys)) !== null) return;
  const value = Secret.from(randomBytes(32));
  await putSecret(db, keys, { place: 'meta.fingerprint_key', id: FINGERPRINT_KEY_ID, value, at });
}

export function fingerprintKey(db: Kysely<Tables>, keys: KeyRing): Promise<Secret | null> {
  return getSecret(db, keys, 'meta.fingerprint_key', FINGERPRINT_KEY_ID);
}

/** Seals anew what another key than the first sealed, a batch a transaction; returns how many there were. */
export async function reseal(db: Kysely<Tables>, keys: KeyRing): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await db.transaction().execute((trx) => resealBatch(trx, keys));
    total += count;
    if (count < BATCH) return total;
  }
}

async function resealBatch(db: Kysely<Tables>, keys: KeyRing): Promise<number> {
  const rows = await db
    .selectFrom('sealed')
    .selectAll()
    .where('key_id', '<>', keys.sealingId)
    .orderBy('place')
    .orderBy('id')
    .limit(BATCH)
    .execute();
  for (const { place, id, key_id, box } of rows) {
    const sealed = keys.seal(place, id, keys.open(place, id, { keyId: key_id, box }));
    await db
      .updateTable('sealed')
      .set({ key_id: sealed.keyId, box: sealed.box })
      .where('place', '=', place)
      .where('id', '=', id)
      .execute();
  }
  return rows.length;
}
