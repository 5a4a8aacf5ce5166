import { Kysely as Database, type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { nodeSqlite } from '../sqlite/dialect.ts';
import { openMemoryDatabase } from '../sqlite/open.ts';
import type { Tables } from '../tables.ts';
import { MIGRATIONS, migrate, refuseNewer, schemaVersion } from './index.ts';

let db: Kysely<Tables>;
beforeEach(() => {
  db = new Database<Tables>({ dialect: nodeSqlite(openMemoryDatabase(), (error) => error) });
});

const tables = async () => (await db.introspection.getTables()).map((table) => table.name).toSorted();

describe('migrations', () => {
  test('make every table that the state reads, once', async () => {
    expect(await schemaVersion(db)).toBe(0);
    await migrate(db, 0);
    expect(await schemaVersion(db)).toBe(MIGRATIONS.length);
    const made = await tables();
    expect(made).toEqual([
      'alerts',
      'audit',
      'authorizations',
      'clients',
      'counters',
      'credentials',
      'deliveries',
      'destinations',
      'grant_claims',
      'grant_counts',
      'grants',
      'key_users',
      'key_uses',
      'meta',
      'mints',
      'monitors',
      'narrow_tokens',
      'rotations',
      'sealed',
      'silences',
      'steps',
      'versions',
      'watch_parts',
      'work',
    ]);
    await migrate(db, MIGRATIONS.length);
    expect(await tables()).toEqual(made);
  });

  test('go on from where the database stands, and stop at one that fails, which leaves nothing behind', async () => {
    const made = (name: string) => async (on: Kysely<never>) => {
      await on.schema.createTable(name).addColumn('a', 'text').execute();
    };
    const fails = async (on: Kysely<never>) => {
      await made('half')(on);
      await sql`insert into nowhere values (1)`.execute(on);
    };
    expect(await schemaVersion(db)).toBe(0);
    await migrate(db, 0, [made('one')]);
    await expect(migrate(db, 1, [fails, made('two'), fails, made('three')])).rejects.toThrow('nowhere');
    expect(await tables()).toEqual(['meta', 'one', 'two']);
    expect(await schemaVersion(db)).toBe(2);
    await migrate(db, 2, [fails, fails, made('half'), made('three')]);
    expect(await tables()).toEqual(['half', 'meta', 'one', 'three', 'two']);
    expect(await schemaVersion(db)).toBe(4);
  });

  test('of a newer version are refused', () => {
    expect(() => refuseNewer(3, 2)).toThrow(expect.objectContaining({ code: 'state_newer' }));
    expect(refuseNewer(2, 2)).toBeUndefined();
  });
});
