import type { Kysely } from 'kysely';
import type { AuditEntry } from '../model/index.ts';
import { type AuditChain, type AuditKey, FIRST, type Mark, type MarkName } from './audit-chain.ts';
import { prepared } from './prepared.ts';
import { putRow } from './puts.ts';
import { auditRow } from './rows/audit.ts';
import type { AuditTable, Tables } from './tables.ts';

type Db = Kysely<Tables>;

/** Rows that are chained anew before others get their turn. */
const BATCH = 500;

/** Follows from no entry: what is chained to it stays a break until a person accepts it. */
const NOTHING = '';

/** Holds the log's end until the transaction's end, so that nobody else chains to the same entry. */
const holdEnd = prepared((db, { by }: { by: number }) =>
  db
    .updateTable('audit_chain')
    .set((eb) => ({ number: eb('number', '+', by) }))
    .where('name', '=', 'head')
    .returning((eb) => [
      'number',
      'hash',
      'seal',
      eb
        .selectFrom('audit')
        .select(({ fn }) => fn.max('audit.number').as('greatest'))
        .as('greatest'),
    ]),
);
const insertRow = prepared((db, row: AuditTable) => db.insertInto('audit').values(row));

/** Writes entries to the end of the log, each chained to the one before it. */
export async function appendAudit(db: Db, entries: readonly AuditEntry[], chain: AuditChain): Promise<void> {
  if (entries.length === 0) return;
  const key = chain.key ?? (await chain.open(db));
  let mark = await endOfLog(db, key, entries.length);
  for (const entry of entries) {
    const row = auditRow(mark.number + 1, entry);
    const hash = key.entry(mark.hash, row);
    await insertRow(db, { ...row, hash });
    mark = { number: row.number, hash };
  }
  await putMark(db, key, 'head', mark);
}

/**
 * Where the next entry follows. An end that we did not seal must not be covered by sealing it: what follows it is chained
 * to nothing. Nor may a row that somebody else put there keep us from writing.
 */
async function endOfLog(db: Db, key: AuditKey, by: number): Promise<Mark> {
  const [end] = (await holdEnd(db, { by })).rows;
  if (end === undefined) return { number: await greatest(db), hash: NOTHING };
  const mark = { number: end.number - by, hash: end.hash };
  const last = end.greatest ?? 0;
  if (end.seal !== key.seal('head', mark)) return { number: last, hash: NOTHING };
  return { number: Math.max(mark.number, last), hash: mark.hash };
}

async function greatest(db: Db): Promise<number> {
  const row = await db
    .selectFrom('audit')
    .select(({ fn }) => fn.max('number').as('last'))
    .executeTakeFirst();
  return row?.last ?? 0;
}

/** Seals an end of the log. */
async function putMark(db: Db, key: AuditKey, name: MarkName, mark: Mark): Promise<void> {
  const { number, hash } = mark;
  await putRow(db, 'audit_chain', { name, number, hash, seal: key.seal(name, mark) });
}

/** Both ends of the log, each null where it is missing or was sealed by somebody else. */
export async function readMarks(db: Db, key: AuditKey): Promise<Readonly<Record<MarkName, Mark | null>>> {
  const rows = await db.selectFrom('audit_chain').selectAll().execute();
  const markOf = (wanted: MarkName): Mark | null => {
    const row = rows.find(({ name }) => name === wanted);
    return row === undefined || row.seal !== key.seal(wanted, row)
      ? null
      : { number: row.number, hash: row.hash };
  };
  return { anchor: markOf('anchor'), head: markOf('head') };
}

/**
 * Chains the whole log anew as it stands, in the caller's transaction, and seals its ends: what was changed before is
 * hidden by it, what is changed after shows. Returns how many entries there are.
 */
export async function chainAnew(db: Db, key: AuditKey): Promise<number> {
  const { anchor } = await readMarks(db, key);
  const [first] = await rowsAfter(db, Number.NEGATIVE_INFINITY, 1);
  const follows = anchor !== null && (first === undefined || first.number > anchor.number);
  const begin = follows ? anchor : { number: (first?.number ?? 1) - 1, hash: FIRST };
  let mark = begin;
  for (let count = 0; ; ) {
    const rows = await rowsAfter(db, mark.number, BATCH);
    for (const row of rows) {
      const hash = key.entry(mark.hash, row);
      if (hash !== row.hash) await rehash(db, { number: row.number, hash });
      mark = { number: row.number, hash };
    }
    count += rows.length;
    if (rows.length < BATCH) {
      await putMark(db, key, 'anchor', begin);
      await putMark(db, key, 'head', mark);
      return count;
    }
    // Whoever waits for a socket, a timer or a signal need not wait for the whole log.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const rehash = prepared((db, { number, hash }: Mark) =>
  db.updateTable('audit').set({ hash }).where('number', '=', number),
);

/** Entries in their order. */
export function rowsAfter(db: Db, number: number, limit: number): Promise<AuditTable[]> {
  // SQLite has no number for infinity.
  const after = Math.max(number, Number.MIN_SAFE_INTEGER);
  return db
    .selectFrom('audit')
    .selectAll()
    .where('number', '>', after)
    .orderBy('number')
    .limit(limit)
    .execute();
}

/**
 * Deletes the entries before the first that is not older than `before`, and keeps the hash of the last of them: what
 * remains still follows from it. That it was done is an entry itself.
 */
export async function pruneAudit(
  db: Db,
  { before, now }: { readonly before: number; readonly now: number },
  chain: AuditChain,
): Promise<void> {
  const kept = await db
    .selectFrom('audit')
    .select(({ fn }) => fn.min('number').as('first'))
    .where('at', '>=', before)
    .executeTakeFirst();
  const last = await db
    .selectFrom('audit')
    .select(['number', 'hash'])
    .where('number', '<', kept?.first ?? Number.MAX_SAFE_INTEGER)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last === undefined) return;
  const key = chain.key ?? (await chain.open(db));
  const { numDeletedRows } = await db
    .deleteFrom('audit')
    .where('number', '<=', last.number)
    .executeTakeFirstOrThrow();
  await putMark(db, key, 'anchor', last);
  const detail = { entries: Number(numDeletedRows), upTo: last.number };
  const entry = { at: now, actor: 'daemon', action: 'audit.pruned', credential: null, detail };
  await appendAudit(db, [entry], chain);
}
