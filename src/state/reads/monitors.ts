import type { Kysely } from 'kysely';
import type { MonitorRecord } from '../../model/index.ts';
import { monitorFrom } from '../rows/monitor.ts';
import type { Tables } from '../tables.ts';

export async function readMonitor(db: Kysely<Tables>, name: string): Promise<MonitorRecord | null> {
  const row = await db.selectFrom('monitors').selectAll().where('name', '=', name).executeTakeFirst();
  return row === undefined ? null : monitorFrom(row);
}
