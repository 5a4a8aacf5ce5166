import type { Kysely } from 'kysely';
import type { Change, WatchPart } from '../model/index.ts';
import { chunksOf } from './chunks.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;

/** How the name of a key's part begins: there may be a hundred thousand of them, and of the others a few dozen. */
const KEY = 'key.';
const DAY = 86_400_000;

type Many = { monitor: string; seenOn: number; names: readonly string[]; bodies: readonly string[] };

const insertMany = prepared((db, { monitor, seenOn, names, bodies }: Many) =>
  insert(
    db,
    names.map((name, index) => ({ monitor, name, body: bodies[index] ?? '', seen_on: seenOn })),
  ),
);
const insertGeneral = prepared((db, part: { monitor: string; name: string; body: string }) =>
  insert(db, [{ ...part, seen_on: null }]),
);
const deleteMany = prepared((db, { monitor, names }: { monitor: string; names: readonly string[] }) =>
  db.deleteFrom('watch_parts').where('monitor', '=', monitor).where('name', 'in', names),
);
const partsOf = prepared((db, { monitor, names }: { monitor: string; names: readonly string[] }) =>
  db
    .selectFrom('watch_parts')
    .select(['name', 'body'])
    .where('monitor', '=', monitor)
    .where('name', 'in', names),
);
const generalOf = prepared((db, { monitor }: { monitor: string }) =>
  db
    .selectFrom('watch_parts')
    .select(['name', 'body'])
    .where('seen_on', 'is', null)
    .where('monitor', '=', monitor)
    .orderBy('name'),
);

function insert(db: Db, rows: readonly Tables['watch_parts'][]) {
  return db
    .insertInto('watch_parts')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['monitor', 'name'])
        .doUpdateSet((eb) => ({ body: eb.ref('excluded.body'), seen_on: eb.ref('excluded.seen_on') })),
    );
}

export async function applyParts(
  db: Db,
  { monitor, put, drop }: Extract<Change, { readonly type: 'watch.parts' }>,
  now: number,
): Promise<void> {
  const keys = put.filter(([name]) => name.startsWith(KEY));
  const seenOn = Math.floor(now / DAY);
  for (const [name, body] of put) {
    if (!name.startsWith(KEY)) await insertGeneral(db, { monitor, name, body });
  }
  for (const part of chunksOf(keys)) {
    const names = part.map(([name]) => name);
    await insertMany(db, { monitor, seenOn, names, bodies: part.map(([, body]) => body) });
  }
  for (const names of chunksOf(drop)) await deleteMany(db, { monitor, names });
}

/** Those of these parts that there are, in no order. */
export async function readParts(db: Db, monitor: string, names: readonly string[]): Promise<WatchPart[]> {
  const parts: WatchPart[] = [];
  for (const chunk of chunksOf(names)) {
    const { rows } = await partsOf(db, { monitor, names: chunk });
    for (const { name, body } of rows) parts.push([name, body]);
  }
  return parts;
}

/** All parts that are no key's, by name. */
export async function readGeneralParts(db: Db, monitor: string): Promise<readonly WatchPart[]> {
  const { rows } = await generalOf(db, { monitor });
  return rows.map(({ name, body }) => [name, body]);
}

/** Deletes the parts of keys that were last written on a day before that of `before`. */
export async function pruneParts(db: Db, before: number): Promise<void> {
  await db
    .deleteFrom('watch_parts')
    .where('seen_on', '<', Math.floor(before / DAY))
    .execute();
}
