import type { Kysely } from 'kysely';
import type { KeyUser, MonitorRecord } from '../../model/index.ts';
import { prepared } from '../prepared.ts';
import { keyUserFrom } from '../rows/log.ts';
import { monitorFrom } from '../rows/monitor.ts';
import type { Tables } from '../tables.ts';

type Keys = { keyIds: readonly string[] };

const usesOf = prepared((db, { keyIds }: Keys) =>
  db.selectFrom('key_uses').selectAll().where('key_id', 'in', keyIds),
);
const usersOf = prepared((db, { keyIds }: Keys) =>
  db
    .selectFrom('key_users')
    .selectAll()
    .where('key_id', 'in', keyIds)
    .orderBy('last_seen_at', 'desc')
    .orderBy('key_id')
    .orderBy('ip')
    .orderBy('user_agent'),
);
const monitorOf = prepared((db, { name }: { name: string }) =>
  db.selectFrom('monitors').selectAll().where('name', '=', name),
);

/** When each of these keys was last accepted, for those that were. */
export async function readKeyUses(
  db: Kysely<Tables>,
  keyIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (keyIds.length === 0) return new Map();
  const { rows } = await usesOf(db, { keyIds });
  return new Map(rows.map((row) => [row.key_id, row.last_used_at]));
}

/** Who uses these keys, the last seen first. */
export async function readKeyUsers(
  db: Kysely<Tables>,
  keyIds: readonly string[],
): Promise<readonly KeyUser[]> {
  if (keyIds.length === 0) return [];
  return (await usersOf(db, { keyIds })).rows.map(keyUserFrom);
}

export async function readMonitor(db: Kysely<Tables>, name: string): Promise<MonitorRecord | null> {
  const [row] = (await monitorOf(db, { name })).rows;
  return row === undefined ? null : monitorFrom(row);
}
