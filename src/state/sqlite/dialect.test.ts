import { Kysely, sql } from 'kysely';
import { expect, test } from 'vitest';
import { nodeSqlite } from './dialect.ts';
import { openMemoryDatabase } from './open.ts';

test('statements of many lengths are prepared, dropped and prepared again', async () => {
  const db = new Kysely<{ numbers: { n: number } }>({
    dialect: nodeSqlite(openMemoryDatabase(), (error) => error),
  });
  await db.schema.createTable('numbers').addColumn('n', 'integer').execute();
  await db
    .insertInto('numbers')
    .values(Array.from({ length: 300 }, (_, n) => ({ n })))
    .execute();
  for (let round = 0; round < 2; round += 1) {
    for (let length = 1; length <= 300; length += 1) {
      const wanted = Array.from({ length }, (_, n) => n);
      const rows = await db.selectFrom('numbers').select('n').where('n', 'in', wanted).execute();
      expect(rows).toHaveLength(length);
    }
  }
  const { numUpdatedRows } = await db
    .updateTable('numbers')
    .set({ n: 0 })
    .where('n', '<', 7)
    .executeTakeFirstOrThrow();
  expect(numUpdatedRows).toBe(7n);
  await db.destroy();
});

test('where SQLite has rolled back by itself, the error that led to it is told', async () => {
  const db = new Kysely<never>({ dialect: nodeSqlite(openMemoryDatabase(), (error) => error) });
  const failing = db.transaction().execute(async (trx) => {
    await sql`rollback`.execute(trx);
    throw new Error('the disk is full');
  });
  await expect(failing).rejects.toThrow('the disk is full');
  await db.destroy();
});
