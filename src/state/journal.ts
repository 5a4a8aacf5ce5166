import type { Kysely } from 'kysely';
import type { Secret } from '../model/index.ts';
import { prepared } from './prepared.ts';
import { putRow } from './puts.ts';
import type { KeyRing, Sealed } from './sealing.ts';
import { type Place, sealedId, sealedRow } from './secrets.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;
type AnswerRow = Sealed & { readonly sequence: number };

const PLACE: Place = 'journal.answer';
/** A rotation that gets ever different answers loses the oldest. */
const KEPT = 20;

const deleteAll = prepared((db, { rotationId }: { rotationId: string }) =>
  db.deleteFrom('sealed').where('place', '=', PLACE).where('id', '=', rotationId),
);
const deleteSome = prepared((db, { rotationId, gone }: { rotationId: string; gone: readonly number[] }) =>
  db
    .deleteFrom('sealed')
    .where('place', '=', PLACE)
    .where('id', '=', rotationId)
    .where('sequence', 'in', gone),
);
const answersOf = prepared((db, { rotationId }: { rotationId: string }) =>
  db
    .selectFrom('sealed')
    .select(['sequence', 'key_id as keyId', 'box'])
    .where('place', '=', PLACE)
    .where('id', '=', rotationId)
    .orderBy('sequence', 'desc'),
);

/** Keeps the answer as the latest of its rotation. Earlier ones stay beside it, the same one only once. */
export async function putAnswer(
  db: Db,
  keys: KeyRing,
  { rotationId, answer, at }: { rotationId: string; answer: Secret; at: number },
): Promise<void> {
  const { rows } = await answersOf(db, { rotationId });
  const others = rows.filter((row) => !holds(keys, rotationId, row, answer));
  const gone = rows.filter((row) => !others.slice(0, KEPT - 1).includes(row)).map((row) => row.sequence);
  if (gone.length > 0) await deleteSome(db, { rotationId, gone });
  const sequence = (rows[0]?.sequence ?? -1) + 1;
  await putRow(db, 'sealed', sealedRow(keys, { place: PLACE, id: rotationId, sequence, value: answer, at }));
}

/** The answers of a rotation, latest first. */
export async function readAnswers(db: Db, keys: KeyRing, rotationId: string): Promise<readonly Secret[]> {
  const { rows } = await answersOf(db, { rotationId });
  return rows.map((row) => keys.open(PLACE, sealedId(rotationId, row.sequence), row));
}

export async function deleteAnswers(db: Db, rotationId: string): Promise<void> {
  await deleteAll(db, { rotationId });
}

/** One that does not open is another: it must not keep a new answer from being written. */
function holds(keys: KeyRing, rotationId: string, row: AnswerRow, answer: Secret): boolean {
  try {
    return keys.open(PLACE, sealedId(rotationId, row.sequence), row).equals(answer);
  } catch {
    return false;
  }
}
