import type { Kysely } from 'kysely';
import { appendAudit, putMark, readMarks, rowsAfter } from './audit.ts';
import type { AuditChain, AuditKey, Mark } from './audit-chain.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;

/** So many entries go in one transaction, some 30 ms: others write in between. */
const PIECE = 2_000;

/** Entries that were written within so long of the oldest go at once, ms: a clock that is ahead cannot empty the log. */
const AT_ONCE = 30 * 86_400_000;

/** The time before which entries may go now: `before`, but not long after the oldest of them was written. */
export async function horizonOf(db: Db, before: number): Promise<number> {
  const [oldest] = await rowsAfter(db, Number.NEGATIVE_INFINITY, 1);
  return oldest === undefined ? before : Math.min(before, oldest.at + AT_ONCE);
}

/**
 * Deletes the entries before the first that is not older than `before`, {@link PIECE} at most, and keeps the hash of the last
 * of them: what remains still follows from it. That it was done is an entry itself. Returns whether more may go.
 *
 * Only entries go that follow, unchanged, from the begin that we sealed: what time others bear, and that they are ours, nobody
 * has proven. From the first break on all stay until a person accepts the log.
 */
export async function pruneAudit(
  db: Db,
  { before, now }: { readonly before: number; readonly now: number },
  chain: AuditChain,
): Promise<boolean> {
  const key = chain.key ?? (await chain.open(db));
  const { anchor, head } = await readMarks(db, key);
  if (anchor === null || head === null) return false;
  const rows = await provenBefore(db, key, anchor, before);
  const last = rows.at(-1);
  if (last === undefined) return false;
  await db
    .deleteFrom('audit')
    .where('number', '>', anchor.number)
    .where('number', '<=', last.number)
    .execute();
  await putMark(db, key, 'anchor', last);
  const detail = { entries: rows.length, upTo: last.number };
  const entry = { at: now, actor: 'daemon', action: 'audit.pruned', credential: null, detail };
  await appendAudit(db, [entry], chain);
  return rows.length === PIECE;
}

/** The oldest entries whose hashes follow from the log's begin, up to the first that is not older than `before`. */
async function provenBefore(db: Db, key: AuditKey, anchor: Mark, before: number): Promise<Mark[]> {
  // What stands before the log's begin is a break too, and the first.
  const rows = await rowsAfter(db, Number.NEGATIVE_INFINITY, PIECE);
  const proven: Mark[] = [];
  let previous = anchor;
  for (const row of rows) {
    if (row.at >= before || key.entry(previous.hash, row) !== row.hash) break;
    previous = { number: row.number, hash: row.hash };
    proven.push(previous);
  }
  return proven;
}
