import { type Kysely, sql } from 'kysely';
import type { WorkKind } from '../model/index.ts';
import type { Place } from './secrets.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;

/**
 * Deletes all that is known of a credential: itself, versions with their values, rotations with their steps and the answers to
 * their mints, destinations, what the log showed of it, its due records. The audit log and the alerts stay.
 */
export async function forgetCredential(db: Db, name: string): Promise<void> {
  await forgetValues(db, name);
  await forgetUse(db, name);
  await forgetWork(db, name);
  for (const table of ['versions', 'destinations', 'rotations', 'mints'] as const) {
    await db.deleteFrom(table).where('credential', '=', name).execute();
  }
  await db.deleteFrom('credentials').where('name', '=', name).execute();
}

async function forgetValues(db: Db, name: string): Promise<void> {
  const owners: [Place, 'versions' | 'rotations'][] = [
    ['version.value', 'versions'],
    ['journal.answer', 'rotations'],
  ];
  for (const [place, table] of owners) {
    await db
      .deleteFrom('sealed')
      .where('place', '=', place)
      .where('id', 'in', (eb) => eb.selectFrom(table).select('id').where('credential', '=', name))
      .execute();
  }
}

async function forgetUse(db: Db, name: string): Promise<void> {
  for (const table of ['key_users', 'key_uses'] as const) {
    await db
      .deleteFrom(table)
      .where('key_id', 'in', (eb) =>
        eb
          .selectFrom('versions')
          .select((inner) => inner.ref('versions.key_id').$notNull().as('key_id'))
          .where('versions.credential', '=', name)
          .where('versions.key_id', 'is not', null),
      )
      .execute();
  }
  for (const part of [sql<string>`'key.' || key_id`, sql<string>`'key.' || key_id || ' rest'`]) {
    await db
      .deleteFrom('watch_parts')
      .where('name', 'in', (eb) =>
        eb
          .selectFrom('versions')
          .select(part.as('name'))
          .where('credential', '=', name)
          .where('key_id', 'is not', null),
      )
      .execute();
  }
}

/** The credential's own, and what is due at each of its destinations (`name destination`; no name bears a space). */
async function forgetWork(db: Db, name: string): Promise<void> {
  const atDestinations: WorkKind[] = ['publication', 'hook'];
  await db.deleteFrom('work').where('kind', '=', 'credential').where('id', '=', name).execute();
  await db
    .deleteFrom('work')
    .where('kind', 'in', atDestinations)
    .where((eb) => eb(eb.fn<string>('substr', ['id', eb.val(1), eb.val(name.length + 1)]), '=', `${name} `))
    .execute();
}
