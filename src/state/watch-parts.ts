import type { Kysely } from 'kysely';
import type { Change, WatchPart } from '../model/index.ts';
import { chunksOf } from './chunks.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;

/** How the name of a key's part begins: there may be a hundred thousand of them, and of the others a few dozen. */
const KEY = 'key.';
const DAY = 86_400_000;

type Many = {
  monitor: string;
  /** Null: they are no keys. */
  seenOn: number | null;
  names: readonly string[];
  bodies: readonly string[];
};

const insertMany = prepared((db, { monitor, seenOn, names, bodies }: Many) =>
  insert(
    db,
    names.map((name, index) => ({ monitor, name, body: bodies[index] ?? '', seen_on: seenOn })),
  ),
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
  const isKey = ([name]: WatchPart) => name.startsWith(KEY);
  const general = put.filter((part) => !isKey(part));
  for (const part of chunksOf(general)) await insertMany(db, { monitor, seenOn: null, ...columnsOf(part) });
  const seenOn = Math.floor(now / DAY);
  for (const part of chunksOf(put.filter(isKey))) {
    await insertMany(db, { monitor, seenOn, ...columnsOf(part) });
  }
  for (const names of chunksOf(drop)) await deleteMany(db, { monitor, names });
}

function columnsOf(parts: readonly WatchPart[]): Pick<Many, 'names' | 'bodies'> {
  return { names: parts.map(([name]) => name), bodies: parts.map(([, body]) => body) };
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
