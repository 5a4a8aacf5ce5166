import type { AuditEntry } from '../../model/index.ts';
import type { AuditTable } from '../tables.ts';
import { parseJson } from './json.ts';

export function auditRow(number: number, entry: AuditEntry): AuditTable {
  return {
    number,
    at: entry.at,
    actor: entry.actor,
    action: entry.action,
    credential: entry.credential,
    detail: JSON.stringify(entry.detail),
  };
}

export function auditFrom(row: AuditTable): AuditEntry {
  return {
    at: row.at,
    actor: row.actor,
    action: row.action,
    credential: row.credential,
    detail: parseJson<AuditEntry['detail']>(row.detail, `entry ${row.number} of the audit log`),
  };
}
