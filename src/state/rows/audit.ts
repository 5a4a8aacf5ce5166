import type { AuditEntry } from '../../model/index.ts';
import type { AuditRecord } from '../contract.ts';
import type { AuditTable } from '../tables.ts';
import { parseJson } from './json.ts';

/** All of a row but its hash. Text is made well-formed: what UTF-8 cannot hold would come back as something else. */
export function auditRow(number: number, entry: AuditEntry): Omit<AuditTable, 'hash'> {
  return {
    number,
    at: entry.at,
    actor: entry.actor.toWellFormed(),
    action: entry.action.toWellFormed(),
    credential: entry.credential?.toWellFormed() ?? null,
    detail: JSON.stringify(entry.detail),
  };
}

export function auditFrom(row: AuditTable): AuditRecord {
  return {
    number: row.number,
    at: row.at,
    actor: row.actor,
    action: row.action,
    credential: row.credential,
    detail: parseJson<AuditEntry['detail']>(row.detail, `entry ${row.number} of the audit log`),
    hash: row.hash,
  };
}
