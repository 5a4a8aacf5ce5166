import { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../model/index.ts';
import { migrate, schemaVersion } from './migrations/index.ts';
import { prepared, straight } from './prepared.ts';
import { KeyRing } from './sealing.ts';
import { nodeSqlite } from './sqlite/dialect.ts';
import { openMemoryDatabase } from './sqlite/open.ts';
import type { Tables } from './tables.ts';

const HERE = { keys: new KeyRing([Secret.from(Buffer.alloc(32, 7))]), now: () => 0 };
const open = () => new Kysely<Tables>({ dialect: nodeSqlite(openMemoryDatabase(), (error) => error) });

let db: Kysely<Tables>;
let built: number;
beforeEach(async () => {
  db = open();
  built = 0;
  await migrate(db, await schemaVersion(db), HERE);
  const keys = Array.from({ length: 150 }, (_, index) => ({ key: `k${index}`, value: `v${index % 3}` }));
  await db.insertInto('meta').values(keys).execute();
});
afterEach(() => db.destroy());

/** The keys among these that have the value. */
const find = prepared((on, { keys, value }: { keys: readonly string[]; value: string }) => {
  built += 1;
  return on.selectFrom('meta').select('key').where('key', 'in', keys).where('value', '=', value);
});

describe('a prepared query', () => {
  test('gets other values each time, and is built once for each length of its lists', async () => {
    const found = async (keys: readonly string[], value: string) =>
      (await find(db, { keys, value })).rows.map(({ key }) => key);
    expect(await found(['k0', 'k1'], 'v0')).toEqual(['k0']);
    expect(await found(['k1', 'k4'], 'v1')).toEqual(['k1', 'k4']);
    expect(built).toBe(1);
    expect(await found(['k0', 'k3', 'k5'], 'v0')).toEqual(['k0', 'k3']);
    expect(built).toBe(2);
    for (let length = 1; length <= 150; length += 1) {
      const keys = Array.from({ length }, (_, index) => `k${index}`);
      expect(await found(keys, 'v0')).toHaveLength(Math.ceil(length / 3));
    }
  });

  test('serves every database of its dialect', async () => {
    const other = open();
    await migrate(other, await schemaVersion(other), HERE);
    await find(db, { keys: ['a', 'b', 'c', 'd'], value: 'v' });
    const before = built;
    expect((await find(other, { keys: ['k0', 'b', 'c', 'd'], value: 'v0' })).rows).toEqual([]);
    expect(built).toBe(before);
    await other.destroy();
  });

  test('runs within the transaction it is given, by the straight way too', async () => {
    const rename = prepared((on, { key, value }: { key: string; value: string }) =>
      on.updateTable('meta').set({ value }).where('key', '=', key),
    );
    const failing = db.transaction().execute(async (trx) => {
      await straight(trx);
      const { numAffectedRows } = await rename(trx, { key: 'k0', value: 'new' });
      expect(numAffectedRows).toBe(1n);
      expect((await find(trx, { keys: ['k0'], value: 'new' })).rows).toHaveLength(1);
      throw new Error('undone');
    });
    await expect(failing).rejects.toThrow('undone');
    expect((await find(db, { keys: ['k0'], value: 'v0' })).rows).toHaveLength(1);
  });
});
