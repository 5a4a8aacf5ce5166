import type { Kysely } from 'kysely';
import type { KeyRing } from '../sealing.ts';

/** What a migration may need besides the database: the master keys, and the time. */
export type Installation = { readonly keys: KeyRing; readonly now: () => number };

/** One change of the schema, applied once and in order, each in a transaction of its own. Never edited once released. */
export type Migration = (db: Kysely<never>, installation: Installation) => Promise<void>;
