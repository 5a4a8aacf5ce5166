import type { Kysely } from 'kysely';
import { ENTRY } from '../audit.ts';
import type { AuditQuery, AuditRecord, Page } from '../contract.ts';
import { auditFrom } from '../rows/audit.ts';
import type { Tables } from '../tables.ts';
import { decodeCursor, pageLimit, pageOf } from './page.ts';

export async function readAudit(db: Kysely<Tables>, query: AuditQuery): Promise<Page<AuditRecord>> {
  const limit = pageLimit(query);
  const after = decodeCursor(query.cursor);
  let select = db.selectFrom('audit').select(ENTRY);
  for (const field of ['actor', 'credential', 'action'] as const) {
    const wanted = query[field];
    if (wanted !== undefined) select = select.where(field, '=', wanted);
  }
  if (query.since !== undefined) select = select.where('at', '>=', query.since);
  if (query.until !== undefined) select = select.where('at', '<', query.until);
  const oldestFirst = query.order === 'oldest';
  if (after !== null) select = select.where('number', oldestFirst ? '>' : '<', after.at);
  const rows = await select
    .where('number', '>=', Number.MIN_SAFE_INTEGER)
    .where('number', '<=', Number.MAX_SAFE_INTEGER)
    .orderBy('number', oldestFirst ? 'asc' : 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, auditFrom, (row) => ({ at: row.number, id: '' }));
}
