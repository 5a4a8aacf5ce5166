import type { Kysely } from 'kysely';
import type { AuditEntry } from '../../model/index.ts';
import type { Page, PageQuery } from '../contract.ts';
import { auditFrom } from '../rows/audit.ts';
import type { Tables } from '../tables.ts';
import { decodeCursor, pageLimit, pageOf } from './page.ts';

/** What entries of the audit log are looked for by. */
export type AuditQuery = PageQuery & {
  readonly actor?: string;
  readonly credential?: string;
  readonly action?: string;
};

export async function readAudit(db: Kysely<Tables>, query: AuditQuery): Promise<Page<AuditEntry>> {
  const limit = pageLimit(query);
  const after = decodeCursor(query.cursor);
  let select = db.selectFrom('audit').selectAll();
  for (const field of ['actor', 'credential', 'action'] as const) {
    const wanted = query[field];
    if (wanted !== undefined) select = select.where(field, '=', wanted);
  }
  if (after !== null) select = select.where('number', '<', after.at);
  const rows = await select
    .orderBy('number', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, auditFrom, (row) => ({ at: row.number, id: '' }));
}
