import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import { Secret } from '../model/index.ts';
import { keysOfGrants, resealGrants } from './grants/sealing.ts';
import { prepared } from './prepared.ts';
import { putRow } from './puts.ts';
import { type KeyRing, wrongKey } from './sealing.ts';
import type { SealedTable, Tables } from './tables.ts';

/** What a sealed value is: `table.column` of the row whose id it bears. */
export type Place =
  | 'version.value'
  | 'journal.answer'
  | 'grant.answer'
  | 'authorization.verifier'
  | 'authorization.callback'
  | 'authorization.answer'
  | 'meta.fingerprint_key';

const BATCH = 200;
const FINGERPRINT_KEY_ID = 'database';

type SealedValue = {
  readonly place: Place;
  readonly id: string;
  readonly sequence?: number;
  readonly value: Secret;
  readonly at: number;
};

/** What the box is bound to beside its place: all that tells its row from the others. */
export function sealedId(id: string, sequence: number): string {
  return sequence === 0 ? id : `${id}#${sequence}`;
}

export function sealedRow(keys: KeyRing, { place, id, sequence = 0, value, at }: SealedValue): SealedTable {
  const { keyId, box } = keys.seal(place, sealedId(id, sequence), value);
  return { place, id, sequence, key_id: keyId, box, stored_at: at };
}

export async function putSecret(db: Kysely<Tables>, keys: KeyRing, value: SealedValue): Promise<void> {
  await putRow(db, 'sealed', sealedRow(keys, value));
}

const sealedAt = prepared((db, { place, id }: { place: Place; id: string }) =>
  db
    .selectFrom('sealed')
    .select(['key_id as keyId', 'box'])
    .where('place', '=', place)
    .where('id', '=', id)
    .where('sequence', '=', 0),
);

export async function getSecret(
  db: Kysely<Tables>,
  keys: KeyRing,
  place: Place,
  id: string,
): Promise<Secret | null> {
  const [row] = (await sealedAt(db, { place, id })).rows;
  return row === undefined ? null : keys.open(place, id, row);
}

const deleteAt = prepared((db, { place, id }: { place: Place; id: string }) =>
  db.deleteFrom('sealed').where('place', '=', place).where('id', '=', id),
);

export async function deleteSecret(db: Kysely<Tables>, place: Place, id: string): Promise<void> {
  await deleteAt(db, { place, id });
}

/** @throws {StateError} `wrong_key` where a value was sealed with a key that is not configured; nothing is written */
export async function checkKeys(db: Kysely<Tables>, keys: KeyRing): Promise<void> {
  const sealed = await db.selectFrom('sealed').select('key_id').distinct().orderBy('key_id').execute();
  const used = new Set([...sealed.map((row) => row.key_id), ...(await keysOfGrants(db))]);
  const missing = [...used].filter((id) => !keys.ids.includes(id));
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
  let total = await resealGrants(db, keys);
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
    .orderBy('sequence')
    .limit(BATCH)
    .execute();
  for (const { place, id, sequence, key_id, box } of rows) {
    const bound = sealedId(id, sequence);
    const sealed = keys.seal(place, bound, keys.open(place, bound, { keyId: key_id, box }));
    await db
      .updateTable('sealed')
      .set({ key_id: sealed.keyId, box: sealed.box })
      .where('place', '=', place)
      .where('id', '=', id)
      .where('sequence', '=', sequence)
      .execute();
  }
  return rows.length;
}
