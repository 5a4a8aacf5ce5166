import type { Kysely } from 'kysely';
import { appendAudit, chainAnew } from '../audit.ts';
import { AuditChain } from '../audit-chain.ts';
import { ensureFingerprintKey, fingerprintKey } from '../secrets.ts';
import type { Tables } from '../tables.ts';
import type { Installation } from './migration.ts';

/**
 * Chains the audit log: see {@link AuditChain}. Entries of earlier versions are chained as they stand, which proves nothing of
 * what was done to them before; an entry says so.
 */
export async function auditChain(db: Kysely<never>, { keys, now, progress }: Installation): Promise<void> {
  await db.schema
    .alterTable('audit')
    .addColumn('hash', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  await db.schema
    .createTable('audit_chain')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('seal', 'text', (column) => column.notNull())
    .execute();
  // Nothing narrower than the tables of today is known here; of those only the ones that are there by now are touched.
  const tables = db as unknown as Kysely<Tables>;
  await tables.deleteFrom('counters').where('name', '=', 'audit').execute();
  const isNew = (await fingerprintKey(tables, keys)) === null;
  if (isNew) await ensureFingerprintKey(tables, keys, now());
  const chain = new AuditChain(keys);
  const entries = await chainAnew(tables, await chain.open(tables), progress);
  if (isNew) return;
  const entry = {
    at: now(),
    actor: 'daemon',
    action: 'audit.chained',
    credential: null,
    detail: { entries },
  };
  await appendAudit(tables, [entry], chain);
}
