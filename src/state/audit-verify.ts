import type { Kysely } from 'kysely';
import { readMarks, rowsAfter } from './audit.ts';
import { type AuditKey, FIRST, type Mark } from './audit-chain.ts';
import type { AuditFault, AuditMark, AuditSlice } from './contract.ts';
import type { AuditTable, Tables } from './tables.ts';

type Ends = Awaited<ReturnType<typeof readMarks>>;

/** Compares the next `limit` entries after `from` (null: from the log's begin) with their hashes. */
export function verifyAudit(
  db: Kysely<Tables>,
  key: AuditKey,
  from: AuditMark | null,
  limit: number,
): Promise<AuditSlice> {
  // In one transaction: between two reads somebody could write to the end of the log.
  return db
    .transaction()
    .setAccessMode('read only')
    .execute(async (trx) => {
      const ends = await readMarks(trx, key);
      const faults = from === null ? await faultsOfBegin(trx, ends) : [];
      let mark: AuditMark = from ?? { ...(ends.anchor ?? { number: 0, hash: FIRST }), at: null };
      const rows = await rowsAfter(trx, mark.number, limit);
      for (const row of rows) {
        if (key.entry(mark.hash, row) !== row.hash) faults.push(faultOf(row, mark, ends.head));
        mark = { number: row.number, hash: row.hash, at: row.at };
      }
      const ended = rows.length < limit;
      if (ended) faults.push(...faultsOfEnd(mark, ends.head));
      return { checked: rows.length, faults, mark, ended };
    });
}

async function faultsOfBegin(db: Kysely<Tables>, { anchor }: Ends): Promise<AuditFault[]> {
  const begin = anchor?.number ?? 0;
  const [early] = await rowsAfter(db, Number.NEGATIVE_INFINITY, 1);
  const faults: AuditFault[] = [];
  if (anchor === null) faults.push({ what: 'begin', first: 0, last: 0, at: null, after: null });
  if (early !== undefined && early.number <= begin)
    faults.push({ what: 'inserted', first: early.number, last: early.number, at: early.at, after: null });
  return faults;
}

/** A gap that belongs there does not come to this: what follows it is chained over it. */
function faultOf(row: AuditTable, before: AuditMark, head: Mark | null): AuditFault {
  const after = placeOf(before);
  const { number, at } = row;
  if (head !== null && number > head.number)
    return { what: 'inserted', first: number, last: number, at, after };
  if (number > before.number + 1)
    return { what: 'missing', first: before.number + 1, last: number - 1, at: null, after };
  return { what: 'changed', first: number, last: number, at, after };
}

function faultsOfEnd(last: AuditMark, head: Mark | null): AuditFault[] {
  const after = placeOf(last);
  if (head === null) return [{ what: 'end', first: last.number, last: last.number, at: null, after }];
  if (head.number <= last.number) return [];
  return [{ what: 'missing', first: last.number + 1, last: head.number, at: null, after }];
}

function placeOf({ number, at }: AuditMark): AuditFault['after'] {
  return at === null ? null : { number, at };
}
