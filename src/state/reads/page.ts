import { type Page, type PageQuery, StateError } from '../contract.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

export function pageLimit({ limit }: PageQuery): number {
  return Math.min(MAX_LIMIT, Math.max(1, Math.trunc(limit ?? DEFAULT_LIMIT)));
}

/** Where a page ended: what the list is ordered by, of its last row. */
export type Position = { readonly at: number; readonly id: string };

/** Opaque to callers. */
function encodeCursor({ at, id }: Position): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url');
}

/** @throws {StateError} `bad_cursor` */
export function decodeCursor(cursor: string | null | undefined): Position | null {
  if (cursor === null || cursor === undefined) return null;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(parts)) {
      const [at, id]: unknown[] = parts;
      if (Number.isSafeInteger(at) && typeof id === 'string') return { at: Number(at), id };
    }
  } catch {
    // Not JSON: refused below with the rest.
  }
  throw new StateError('bad_cursor', 'the cursor is not one of ours; start again without it');
}

/** A page of `rows`, which were read with a limit one beyond the page's. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  from: (row: Row) => T,
  position: (row: Row) => Position,
): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: items.map(from), nextCursor: more ? encodeCursor(position(last)) : null };
}
