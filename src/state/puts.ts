import type { Insertable, Kysely } from 'kysely';
import { prepared } from './prepared.ts';
import type { Tables } from './tables.ts';

/** What tells the rows of a table apart, for those whose rows are put whole. */
const KEYS = {
  credentials: ['name'],
  versions: ['id'],
  destinations: ['credential', 'id'],
  rotations: ['id'],
  steps: ['rotation_id', 'name', 'destination'],
  monitors: ['name'],
  deliveries: ['id'],
  silences: ['id'],
  authorizations: ['id'],
  audit_chain: ['name'],
  sealed: ['place', 'id', 'sequence'],
} as const;

type Whole = keyof typeof KEYS;
type Row = { readonly [column: string]: string | number | null };

/** Inserts the row, or replaces the one with its key. */
export async function putRow<T extends Whole>(
  db: Kysely<Tables>,
  table: T,
  row: Insertable<Tables[T]>,
): Promise<void> {
  await puts[table](db, row as Row);
}

function putOf(table: Whole) {
  const keys: readonly string[] = KEYS[table];
  return prepared((db, row: Row) =>
    db
      .withTables<Record<string, Row>>()
      .insertInto(table as string)
      .values(row)
      .onConflict((conflict) =>
        conflict.columns([...keys]).doUpdateSet((eb) => {
          const others = Object.keys(row).filter((column) => !keys.includes(column));
          return Object.fromEntries(others.map((column) => [column, eb.ref(`excluded.${column}`)]));
        }),
      ),
  );
}

const puts = {
  credentials: putOf('credentials'),
  versions: putOf('versions'),
  destinations: putOf('destinations'),
  rotations: putOf('rotations'),
  steps: putOf('steps'),
  monitors: putOf('monitors'),
  deliveries: putOf('deliveries'),
  silences: putOf('silences'),
  authorizations: putOf('authorizations'),
  audit_chain: putOf('audit_chain'),
  sealed: putOf('sealed'),
} satisfies Record<Whole, ReturnType<typeof putOf>>;
