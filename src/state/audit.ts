import { type Kysely, sql } from 'kysely';
import type { AuditEntry } from '../model/index.ts';
import { type AuditChain, type AuditKey, FIRST, type Mark, type MarkName } from './audit-chain.ts';
import { prepared } from './prepared.ts';
import { putRow } from './puts.ts';
import { auditRow } from './rows/audit.ts';
import type { AuditTable, Tables } from './tables.ts';

type Db = Kysely<Tables>;

/** Rows that are chained anew before others get their turn. */
const BATCH = 500;

/** And in one transaction of those that take the log as it stands, some 15 ms. */
const PIECE = 1_000;

/** After so many rows that were chained anew whoever waits for it is told. */
const TOLD = 20_000;

/** What follows no entry from here on: no log ever has so many, and from 2 ** 53 on JavaScript cannot count them. */
const BEYOND = 2 ** 52;

/** The latest time there is (ECMA-262, 21.4.1.1), ms. It stands for one that is none: we wrote neither. */
const LATEST = 8_640_000_000_000_000;

/** A column of numbers; what somebody else wrote there, and no number holds, reads as `most`. */
const readable = (column: 'audit.at' | 'audit_chain.number', most: number) =>
  sql<number>`case when ${sql.ref(column)} between ${sql.lit(-most)} and ${sql.lit(most)} then ${sql.ref(column)} else ${sql.lit(most)} end`;

/** All of an entry. */
export const ENTRY = [
  'number',
  readable('audit.at', LATEST).as('at'),
  'actor',
  'action',
  'credential',
  'detail',
  'hash',
] as const;

/** Follows from no entry: what is chained to it stays a break until a person accepts it. */
const NOTHING = '';

/** Holds the log's end until the transaction's end, so that nobody else chains to the same entry. */
const holdEnd = prepared((db, { by }: { by: number }) =>
  db
    .updateTable('audit_chain')
    .set((eb) => ({ number: eb('number', '+', by) }))
    .where('name', '=', 'head')
    .returning((eb) => [
      readable('audit_chain.number', Number.MAX_SAFE_INTEGER).as('number'),
      'hash',
      'seal',
      eb
        .selectFrom('audit')
        .select(({ fn }) => fn.max('audit.number').as('greatest'))
        .where('audit.number', '<', sql.lit(BEYOND))
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
    .where('number', '<', BEYOND)
    .executeTakeFirst();
  return row?.last ?? 0;
}

/** Seals an end of the log. */
export async function putMark(db: Db, key: AuditKey, name: MarkName, mark: Mark): Promise<void> {
  const { number, hash } = mark;
  await putRow(db, 'audit_chain', { name, number, hash, seal: key.seal(name, mark) });
}

/** Both ends of the log, each null where it is missing or was sealed by somebody else. */
export async function readMarks(db: Db, key: AuditKey): Promise<Readonly<Record<MarkName, Mark | null>>> {
  const number = readable('audit_chain.number', Number.MAX_SAFE_INTEGER).as('number');
  const rows = await db.selectFrom('audit_chain').select(['name', number, 'hash', 'seal']).execute();
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
 * hidden by it, what is changed after shows. Rows with numbers that no entry has go: nothing could follow them. `told` hears
 * from time to time how many entries are done. Returns how many there are.
 */
export async function chainAnew(
  db: Db,
  key: AuditKey,
  told: (entries: number) => void = () => {},
): Promise<number> {
  const begin = await beginAnew(db, key);
  let mark = begin;
  for (let count = 0; ; ) {
    const done = await rehashAfter(db, key, mark, BATCH);
    mark = done.mark;
    count += done.rows;
    if (done.rows === BATCH && count % TOLD === 0) told(count);
    if (done.rows < BATCH) {
      await putMark(db, key, 'anchor', begin);
      await putMark(db, key, 'head', mark);
      return count;
    }
    // Whoever waits for a socket, a timer or a signal need not wait for the whole log.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Where the log as it stands begins; rows with numbers that no entry has go. */
async function beginAnew(db: Db, key: AuditKey): Promise<Mark> {
  await db
    .deleteFrom('audit')
    .where((eb) => eb.or([eb('number', '>=', BEYOND), eb('number', '<', Number.MIN_SAFE_INTEGER)]))
    .execute();
  const { anchor } = await readMarks(db, key);
  const [first] = await rowsAfter(db, Number.NEGATIVE_INFINITY, 1);
  const follows = anchor !== null && (first === undefined || first.number > anchor.number);
  return follows ? anchor : { number: (first?.number ?? 1) - 1, hash: FIRST };
}

/** Chains up to `limit` entries after `mark` anew. */
async function rehashAfter(
  db: Db,
  key: AuditKey,
  mark: Mark,
  limit: number,
): Promise<{ readonly mark: Mark; readonly rows: number }> {
  const rows = await rowsAfter(db, mark.number, limit);
  let last = mark;
  for (const row of rows) {
    const hash = key.entry(last.hash, row);
    if (hash !== row.hash) await rehash(db, { number: row.number, hash });
    last = { number: row.number, hash };
  }
  return { mark: last, rows: rows.length };
}

/**
 * Takes the log as it stands, see {@link chainAnew}, in pieces between which others write. `entry`, which says so, comes first: what
 * is cut off in the middle leaves the chain sound up to where it came, the next break there, and that entry; done again, it
 * goes on from there.
 *
 * @param write one transaction
 */
export async function acceptAudit(
  write: <T>(task: (trx: Db) => Promise<T>) => Promise<T>,
  entry: AuditEntry,
  chain: AuditChain,
): Promise<void> {
  let mark: Mark | null = await write(async (trx) => {
    const key = chain.key ?? (await chain.open(trx));
    const begin = await beginAnew(trx, key);
    await putMark(trx, key, 'anchor', begin);
    await appendAudit(trx, [entry], chain);
    return begin;
  });
  while (mark !== null) {
    const from: Mark = mark;
    // Whoever waits for a socket or a timer has his turn.
    await new Promise((resolve) => setImmediate(resolve));
    mark = await write(async (trx) => {
      const key = chain.key ?? (await chain.open(trx));
      // Nobody adds an entry to the end that is about to be sealed.
      await holdEnd(trx, { by: 0 });
      // Meanwhile others prune: what was reached may be gone.
      const { anchor } = await readMarks(trx, key);
      const pruned = anchor !== null && anchor.number > from.number;
      const done = await rehashAfter(trx, key, pruned ? anchor : from, PIECE);
      if (done.rows === PIECE) return done.mark;
      await putMark(trx, key, 'head', done.mark);
      return null;
    });
  }
}

const rehash = prepared((db, { number, hash }: Mark) =>
  db.updateTable('audit').set({ hash }).where('number', '=', number),
);

/** Entries in their order, but for those with a number that JavaScript cannot hold: see {@link strayRow}. */
export function rowsAfter(db: Db, number: number, limit: number): Promise<AuditTable[]> {
  // SQLite has no number for infinity.
  const after = Math.max(number, Number.MIN_SAFE_INTEGER - 1);
  return db
    .selectFrom('audit')
    .select(ENTRY)
    .where('number', '>', after)
    .where('number', '<=', Number.MAX_SAFE_INTEGER)
    .orderBy('number')
    .limit(limit)
    .execute();
}

/** The number, as near as JavaScript comes to it, of a row that {@link rowsAfter} leaves out; null: there is none. */
export async function strayRow(db: Db): Promise<number | null> {
  const row = await db
    .selectFrom('audit')
    .select(sql<number>`cast(number as double precision)`.as('about'))
    .where((eb) =>
      eb.or([eb('number', '>', Number.MAX_SAFE_INTEGER), eb('number', '<', Number.MIN_SAFE_INTEGER)]),
    )
    .limit(1)
    .executeTakeFirst();
  return row?.about ?? null;
}
