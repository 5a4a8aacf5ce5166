import type { Kysely } from 'kysely';
import { StateError } from '../contract.ts';
import type { Tables } from '../tables.ts';
import { first } from './001-first.ts';
import { watchParts } from './002-watch-parts.ts';
import { alerting } from './003-alerting.ts';
import { auditChain } from './004-audit-chain.ts';
import { workClaimed } from './005-work-claimed.ts';
import { events } from './006-events.ts';
import { workHeld } from './007-work-held.ts';
import { acknowledged } from './008-acknowledged.ts';
import { criticalEvents } from './009-critical-events.ts';
import type { Installation, Migration } from './migration.ts';

export const MIGRATIONS: readonly Migration[] = [
  first,
  watchParts,
  alerting,
  auditChain,
  workClaimed,
  events,
  workHeld,
  acknowledged,
  criticalEvents,
];

/** How many migrations the database has had; 0 for a new one. */
export async function schemaVersion(db: Kysely<Tables>): Promise<number> {
  await db.schema
    .createTable('meta')
    .ifNotExists()
    .addColumn('key', 'text', (column) => column.primaryKey().notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'schema').executeTakeFirst();
  return row === undefined ? 0 : Number(row.value);
}

/** @throws {StateError} `state_newer`; nothing is written */
export function refuseNewer(version: number, known = MIGRATIONS.length): void {
  if (version <= known) return;
  throw new StateError(
    'state_newer',
    `the state was written by a newer Keywarden (schema ${version}, this one knows ${known}); ` +
      'run that version, or restore a backup made before it was started',
  );
}

/** Brings the schema from `version` to the newest. One that fails leaves the schema as it was before it. */
export async function migrate(
  db: Kysely<Tables>,
  version: number,
  installation: Installation,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    await db.transaction().execute(async (trx) => {
      await migration(trx.withTables<never>() as Kysely<never>, installation);
      await putMeta(trx, 'schema', String(index + 1));
    });
  }
}

/** Records a fact of the database itself. */
export async function putMeta(db: Kysely<Tables>, key: string, value: string): Promise<void> {
  await db
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}
