import { Kysely as Database, type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { alertRow } from '../rows/alert.ts';
import { KeyRing } from '../sealing.ts';
import { ensureFingerprintKey } from '../secrets.ts';
import { nodeSqlite } from '../sqlite/dialect.ts';
import { openMemory } from '../sqlite/index.ts';
import { openMemoryDatabase } from '../sqlite/open.ts';
import { lookThrough } from '../suite/audit.suite.ts';
import { KEY } from '../suite/folder.suite.ts';
import { alert } from '../suite/samples.suite.ts';
import type { Tables } from '../tables.ts';
import { MIGRATIONS, migrate, refuseNewer, schemaVersion } from './index.ts';

const HERE = { keys: new KeyRing([KEY]), now: () => 0 };
let db: Kysely<Tables>;
beforeEach(() => {
  db = new Database<Tables>({ dialect: nodeSqlite(openMemoryDatabase(), (error) => error) });
});

const tables = async () => (await db.introspection.getTables()).map((table) => table.name).toSorted();

describe('migrations', () => {
  test('make every table that the state reads, once', async () => {
    expect(await schemaVersion(db)).toBe(0);
    await migrate(db, 0, HERE);
    expect(await schemaVersion(db)).toBe(MIGRATIONS.length);
    const made = await tables();
    expect(made).toEqual([
      'alerts',
      'audit',
      'audit_chain',
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
    await migrate(db, MIGRATIONS.length, HERE);
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
    await migrate(db, 0, HERE, [made('one')]);
    await expect(migrate(db, 1, HERE, [fails, made('two'), fails, made('three')])).rejects.toThrow('nowhere');
    expect(await tables()).toEqual(['meta', 'one', 'two']);
    expect(await schemaVersion(db)).toBe(2);
    await migrate(db, 2, HERE, [fails, fails, made('half'), made('three')]);
    expect(await tables()).toEqual(['half', 'meta', 'one', 'three', 'two']);
    expect(await schemaVersion(db)).toBe(4);
  });

  test('chain the entries that an earlier version has written to the audit log, and say so', async () => {
    const database = openMemoryDatabase();
    const earlier = new Database<Tables>({ dialect: nodeSqlite(database, (error) => error) });
    await migrate(earlier, await schemaVersion(earlier), HERE, MIGRATIONS.slice(0, 3));
    await ensureFingerprintKey(earlier, HERE.keys, 0);
    const written = Array.from(
      { length: 1_200 },
      (_, index) => `(${index + 1}, ${index}, 'a', 'x.y', null, '{}')`,
    );
    database.exec(
      `insert into audit values ${written.join(', ')}; insert into counters values ('audit', 1200)`,
    );
    const state = await openMemory({ keys: [KEY], now: () => 9, owner: 'test', database });
    expect(await lookThrough(state, 500)).toEqual({ checked: 1_201, faults: [] });
    const { items } = await state.audit({ limit: 2 });
    expect(items).toMatchObject([
      { number: 1_201, at: 9, actor: 'daemon', action: 'audit.chained', detail: { entries: 1_200 } },
      { number: 1_200, at: 1_199, action: 'x.y' },
    ]);
    await state.close();
  });

  test('say of alerts of an earlier version whether they were events', async () => {
    const database = openMemoryDatabase();
    const earlier = new Database<Tables>({ dialect: nodeSqlite(database, (error) => error) });
    await migrate(earlier, await schemaVersion(earlier), HERE, MIGRATIONS.slice(0, 5));
    const { transient: _, acknowledged_at: __, ...row } = alertRow(alert({ state: 'resolved' }));
    const kinds = { old: 'publish-failed', done: 'rotation-completed' } as const;
    for (const [id, kind] of Object.entries(kinds))
      await earlier
        .insertInto('alerts')
        .values({ ...row, id, identity: id, kind } as ReturnType<typeof alertRow>)
        .execute();
    const state = await openMemory({ keys: [KEY], now: () => 9, owner: 'test', database });
    const known = await Promise.all(['old', 'done'].map((id) => state.alert(id)));
    expect(known.map((one) => one?.transient)).toEqual([undefined, true]);
    await state.close();
  });

  test('tell how many entries of a long audit log are chained', async () => {
    const database = openMemoryDatabase();
    const earlier = new Database<Tables>({ dialect: nodeSqlite(database, (error) => error) });
    await migrate(earlier, await schemaVersion(earlier), HERE, MIGRATIONS.slice(0, 3));
    database.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 40100)
      insert into audit select i, i, 'a', 'x.y', null, '{}' from n`);
    const told: number[] = [];
    await migrate(earlier, 3, { ...HERE, progress: (rows) => told.push(rows) }, MIGRATIONS.slice(0, 4));
    expect(told).toEqual([20_000, 40_000]);
  });

  test('of a newer version are refused', () => {
    expect(() => refuseNewer(3, 2)).toThrow(expect.objectContaining({ code: 'state_newer' }));
    expect(refuseNewer(2, 2)).toBeUndefined();
  });
});
