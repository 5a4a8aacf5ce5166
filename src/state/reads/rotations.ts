import type { Kysely } from 'kysely';
import type { Rotation, RotationStep } from '../../model/index.ts';
import { chunksOf } from '../chunks.ts';
import type { Page, PageQuery } from '../contract.ts';
import { prepared } from '../prepared.ts';
import { rotationFrom, stepFrom } from '../rows/rotation.ts';
import type { Tables } from '../tables.ts';
import { decodeCursor, pageLimit, pageOf } from './page.ts';

type Db = Kysely<Tables>;

const STEP_ORDER: readonly RotationStep['name'][] = ['mint', 'verify', 'publish', 'overlap', 'retire'];

const rotationOf = prepared((db, { id }: { id: string }) =>
  db.selectFrom('rotations').selectAll().where('id', '=', id),
);
const requested = prepared((db, { credential, requestKey }: { credential: string; requestKey: string }) =>
  db
    .selectFrom('rotations')
    .selectAll()
    .where('credential', '=', credential)
    .where('request_key', '=', requestKey),
);
const superseding = prepared((db, { versionIds }: { versionIds: readonly string[] }) =>
  db
    .selectFrom('rotations')
    .select((eb) => ['id', eb.ref('previous_version_id').$notNull().as('version_id')])
    .where('previous_version_id', 'in', versionIds)
    .where('new_version_id', 'is not', null)
    .orderBy('started_at'),
);
const stepsOf = prepared((db, { rotationId }: { rotationId: string }) =>
  db.selectFrom('steps').selectAll().where('rotation_id', '=', rotationId).orderBy('destination'),
);

export async function readRotation(db: Db, id: string): Promise<Rotation | null> {
  const [row] = (await rotationOf(db, { id })).rows;
  return row === undefined ? null : rotationFrom(row);
}

export async function readRotationByRequestKey(
  db: Db,
  credential: string,
  requestKey: string,
): Promise<Rotation | null> {
  const [row] = (await requested(db, { credential, requestKey })).rows;
  return row === undefined ? null : rotationFrom(row);
}

/** For each of these versions that a rotation superseded, the latest that did. */
export async function readSupersededBy(
  db: Db,
  versionIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const chunk of chunksOf(versionIds)) {
    const { rows } = await superseding(db, { versionIds: chunk });
    for (const row of rows) found.set(row.version_id, row.id);
  }
  return found;
}

export async function readRotations(
  db: Db,
  query: PageQuery & { readonly credential?: string },
): Promise<Page<Rotation>> {
  const limit = pageLimit(query);
  const after = decodeCursor(query.cursor);
  let select = db.selectFrom('rotations').selectAll();
  if (query.credential !== undefined) select = select.where('credential', '=', query.credential);
  if (after !== null) {
    select = select.where((eb) =>
      eb.or([
        eb('started_at', '<', after.at),
        eb.and([eb('started_at', '=', after.at), eb('id', '<', after.id)]),
      ]),
    );
  }
  const rows = await select
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, rotationFrom, (row) => ({ at: row.started_at, id: row.id }));
}

export async function readSteps(db: Db, rotationId: string): Promise<readonly RotationStep[]> {
  const { rows } = await stepsOf(db, { rotationId });
  return rows.map(stepFrom).toSorted((a, b) => STEP_ORDER.indexOf(a.name) - STEP_ORDER.indexOf(b.name));
}
