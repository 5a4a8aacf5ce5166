import type { Kysely } from 'kysely';
import { readMarks, rowsAfter, strayRow } from './audit.ts';
import { type AuditKey, FIRST, type Mark } from './audit-chain.ts';
import type { AuditFault, AuditMark, AuditSlice } from './contract.ts';
import type { AuditTable, Tables } from './tables.ts';

type Ends = Awaited<ReturnType<typeof readMarks>>;

type Query = { readonly from: AuditMark | null; readonly limit: number; readonly known: AuditMark | null };

/**
 * Compares the next `limit` entries after `from` (null: from the log's begin) with their hashes, and the one that bears the
 * number of `known` with that.
 */
export function verifyAudit(
  db: Kysely<Tables>,
  key: AuditKey,
  { from, limit, known }: Query,
): Promise<AuditSlice> {
  // In one transaction: between two reads somebody could write to the end of the log.
  return db
    .transaction()
    .setAccessMode('read only')
    .execute(async (trx) => {
      const ends = await readMarks(trx, key);
      const faults = from === null ? await faultsOfBegin(trx, ends) : [];
      const begin: AuditMark = from ?? { ...(ends.anchor ?? { number: 0, hash: FIRST }), at: null };
      let mark = begin;
      const rows = await rowsAfter(trx, mark.number, limit);
      for (const row of rows) {
        if (key.entry(mark.hash, row) !== row.hash) faults.push(faultOf(row, mark, ends.head));
        mark = { number: row.number, hash: row.hash, at: row.at };
      }
      const ended = rows.length < limit;
      if (ended) faults.push(...(await faultsOfEnd(trx, mark, ends.head)));
      const due = known !== null && known.number > begin.number && (ended || known.number <= mark.number);
      // Most that is done to an entry shows in the chain, and is told once.
      if (due && faults.length === 0) faults.push(...faultsOfKnown(known, rows, begin));
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

async function faultsOfEnd(db: Kysely<Tables>, last: AuditMark, head: Mark | null): Promise<AuditFault[]> {
  const after = placeOf(last);
  const faults: AuditFault[] = [];
  if (head === null) faults.push({ what: 'end', first: last.number, last: last.number, at: null, after });
  else if (head.number > last.number)
    faults.push({ what: 'missing', first: last.number + 1, last: head.number, at: null, after });
  const stray = await strayRow(db);
  if (stray !== null) faults.push({ what: 'inserted', first: stray, last: stray, at: null, after });
  return faults;
}

/** An older end of the log that is put back is sealed by us too, and what was written after it follows from it. */
function faultsOfKnown(
  { number, hash }: AuditMark,
  rows: readonly AuditTable[],
  begin: AuditMark,
): AuditFault[] {
  const found = rows.find((row) => row.number === number);
  if (found?.hash === hash) return [];
  const before = rows.findLast((row) => row.number < number) ?? begin;
  return [{ what: 'replaced', first: number, last: number, at: found?.at ?? null, after: placeOf(before) }];
}

function placeOf({ number, at }: AuditMark): AuditFault['after'] {
  return at === null ? null : { number, at };
}
