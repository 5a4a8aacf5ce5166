import type { Kysely } from 'kysely';
import type { KeyRing } from '../sealing.ts';

/** What a migration may need besides the database: the master keys, the time, and who hears how many rows of a long one are done. */
export type Installation = {
  readonly keys: KeyRing;
  readonly now: () => number;
  readonly progress?: ((rows: number) => void) | undefined;
};

/** One change of the schema, applied once and in order, each in a transaction of its own. Never edited once released. */
export type Migration = (db: Kysely<never>, installation: Installation) => Promise<void>;
