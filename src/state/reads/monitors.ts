import type { Kysely } from 'kysely';
import type { MonitorRecord } from '../../model/index.ts';
import { monitorFrom } from '../rows/monitor.ts';
import type { Tables } from '../tables.ts';

/** When each of these keys was last accepted, for those that were. */
export async function readKeyUses(
  db: Kysely<Tables>,
  keyIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (keyIds.length === 0) return new Map();
  const rows = await db.selectFrom('key_uses').selectAll().where('key_id', 'in', keyIds).execute();
  return new Map(rows.map((row) => [row.key_id, row.last_used_at]));
}

export async function readMonitor(db: Kysely<Tables>, name: string): Promise<MonitorRecord | null> {
  const row = await db.selectFrom('monitors').selectAll().where('name', '=', name).executeTakeFirst();
  return row === undefined ? null : monitorFrom(row);
}
